//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9111 {
  /// The most entity tags that a request for validation carries.
  static let maximumValidatedTags = 32

  /// The fields of the request that asks the origin whether what is stored is still good (§4.3.1).
  ///
  /// The client's own `If-None-Match` and `If-Modified-Since` make way for those of the stored responses: the answer is
  /// to be an answer for the cache, which then evaluates the client's itself (§4.3.2). `If-Match` and
  /// `If-Unmodified-Since` are for the origin alone and stay. What belongs to the client's connection goes.
  ///
  /// - Parameters:
  ///   - stored: The fields of the stored responses that might be confirmed; none, to fetch anew.
  ///   - forwardsConditions: Whether the client's conditions stay when nothing is stored. The answer then is for this
  ///     client only.
  ///   - forwardsRange: Whether the client's `Range` and `If-Range` stay. Without them the origin sends the whole,
  ///     which is of use to everybody; with them the answer is a part, for those who can do with it.
  static func conditionalFields(
    for request: HeaderFields, validating stored: [HeaderFields], forwardsConditions: Bool = false,
    forwardsRange: Bool = false
  ) -> HeaderFields {
    var dropped: UInt64 = 0
    if !stored.isEmpty || !forwardsConditions {
      dropped |= KnownHeader.ifNoneMatch.bit | KnownHeader.ifModifiedSince.bit
    }
    if !forwardsRange { dropped |= KnownHeader.range.bit | KnownHeader.ifRange.bit }
    var fields = fieldsWithoutHopByHop(request)
    if fields.presence & dropped != 0 {
      fields = fields.filter { view in view.known.map { $0.bit & dropped == 0 } ?? true }
    }
    let tags = entityTags(of: stored)
    if !tags.isEmpty {
      // As octets: a tag may hold some that are not UTF-8.
      Array(tags.joined(separator: [ASCII.comma, ASCII.space])).withUnsafeBytes { fields.append(.ifNoneMatch, $0) }
    }
    if stored.count == 1, let only = stored.first, let date = modificationDate(of: only, hasTag: !tags.isEmpty) {
      fields.append(KnownHeader.ifModifiedSince, date)
    }
    return fields
  }

  /// Whether ``conditionalFields(for:validating:forwardsConditions:forwardsRange:)``, with nothing stored and the range
  /// forwarded, would leave the fields as they are.
  static func isForwardedAsIs(_ request: HeaderFields) -> Bool {
    request.presence & (ConnectionFields.known | KnownHeader.ifNoneMatch.bit | KnownHeader.ifModifiedSince.bit) == 0
  }

  /// The entity tags of the stored responses, as the origin wrote them: one that is not quoted comes back as it was
  /// sent.
  private static func entityTags(of stored: [HeaderFields]) -> [Bytes] {
    var tags: [Bytes] = []
    for fields in stored where tags.count < maximumValidatedTags {
      let tag = fields.withFirstValue(of: .etag) { EntityTag.isPresent($0) ? Bytes(copying: $0) : nil } ?? nil
      if let tag, !tags.contains(tag) { tags.append(tag) }
    }
    return tags
  }

  /// The date to validate by: `Last-Modified`, verbatim since many origins compare text; without any validator `Date`,
  /// which RFC 9110 §13.1.3 lets stand in for it.
  private static func modificationDate(of stored: HeaderFields, hasTag: Bool) -> String? {
    func valid(_ known: KnownHeader) -> String? {
      stored.withFirstValue(of: known) { value in
        HTTPDate.parse(value) == nil ? nil : FieldSyntax.text(value, 0..<value.count)
      } ?? nil
    }
    return valid(.lastModified) ?? (hasTag ? nil : valid(.date))
  }

  /// Whether a 304 speaks of this stored response (§4.3.4).
  ///
  /// By a strong validator, if it has one; else by a weak one; a 304 with none at all, when there is only one response
  /// that it can speak of. (The RFC asks then for the stored response to have none either. A 304 that leaves out the
  /// `ETag` it confirms is faulty but common, and it answers a request that named this response.)
  static func selectsForUpdate(
    stored: HeaderFields, response304: HeaderFields, isOnlyCandidate: Bool = true
  ) -> Bool {
    let hasTag = response304.withFirstValue(of: .etag, EntityTag.isPresent) ?? false
    if hasTag {
      return response304.withFirstValue(of: .etag) { new in
        stored.withFirstValue(of: .etag) { old in EntityTag.areWeaklyEqual(new, old) } ?? false
      } ?? false
    }
    if response304.contains(KnownHeader.lastModified) {
      return haveSameDate(.lastModified, stored, response304)
    }
    return isOnlyCandidate
  }

  private static func haveSameDate(_ known: KnownHeader, _ left: HeaderFields, _ right: HeaderFields) -> Bool {
    left.withFirstValue(of: known) { leftValue in
      right.withFirstValue(of: known) { rightValue in
        if FieldSyntax.areEqual(leftValue, 0..<leftValue.count, rightValue, 0..<rightValue.count) { return true }
        guard let leftDate = HTTPDate.parse(leftValue) else { return false }
        return leftDate == HTTPDate.parse(rightValue)
      } ?? false
    } ?? false
  }

  /// What a 200 response to HEAD means for a stored response to GET of the same target (§4.3.5).
  ///
  /// - Parameters:
  ///   - stored: The stored fields.
  ///   - storedLength: The length of the stored content, all of it.
  ///   - response: The response to HEAD.
  static func headUpdate(of stored: HeaderFields, storedLength: Int, by response: CacheResponse) -> HeadUpdate {
    let new = response.fields
    if new.contains(KnownHeader.etag) {
      let isSame =
        new.withFirstValue(of: .etag) { newTag in
          stored.withFirstValue(of: .etag) { EntityTag.areWeaklyEqual(newTag, $0) } ?? false
        } ?? false
      if !isSame { return .invalidate }
    }
    if new.contains(KnownHeader.lastModified), !haveSameDate(.lastModified, stored, new) { return .invalidate }
    if new.contains(KnownHeader.contentLength), contentLength(of: new) != storedLength { return .invalidate }
    return .freshen(freshened(stored, with: new))
  }
}
