//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Whom a storable response is for, and what it is stored as.
final class Sharing: Sendable {
  let plan: FetchPlan
  let storing: StorePlan
  /// As it has come from the origin.
  let response: CacheResponse
  let receipt: Receipt
  /// Set when the response varies, or others of its resource do.
  let index: VariantIndex?
  /// Whether the index is to be stored with the response.
  private let isIndexNew: Bool
  /// What the response is stored under, before `Vary`.
  let primary: CacheKey
  /// Parts of the same representation that are stored already.
  private let existing: PartialContent?
  private let selection: String
  /// What has been said about the response.
  private let scope: TagScope
  /// Whether more may be said while the body is under way.
  private let mayGetTags: Bool
  private let backend: any CacheBackend

  /// - Parameter isStream: Whether the body is under way still.
  init(
    plan: FetchPlan, storing: StorePlan, response: CacheResponse, receipt: Receipt, primary: CacheKey,
    index: VariantIndex?, isIndexNew: Bool = true, existing: PartialContent? = nil, scope: TagScope, isStream: Bool,
    backend: any CacheBackend
  ) {
    self.scope = scope
    self.mayGetTags = isStream && plan.policy.policy.tags.ambience == .untilBodyEnds
    self.backend = backend
    self.plan = plan
    self.storing = storing
    self.response = response
    self.receipt = receipt
    self.primary = primary
    self.index = index
    self.isIndexNew = isIndexNew
    self.existing = existing
    self.selection = RFC9111.selection(storing.vary, in: plan.request.fields)
  }

  /// The answer to one of those who wait.
  ///
  /// - Parameter isLeader: What is stored lacks the fields that are for the leader's eyes only; the leader gets them.
  func answer(isLeader: Bool, body: Body, _ became: CacheEvent.Storing) -> FlightResponse {
    FlightResponse(
      status: response.status,
      fields: isLeader
        ? RFC9111.fieldsWithoutHopByHop(response.fields, receivedUnix: receipt.receivedUnix) : storing.fields,
      body: body, trailers: response.trailers, birth: isLeader ? nil : storing.times.birth,
      originStatus: response.status, storing: became, receipt: receipt)
  }

  /// Why the response is not for the request of `other`, which did not cause it; nil when it is: it may be reused for that
  /// now (RFC 9111 §4), both agree in what selects it (§4.1), and it has not been invalidated before the other began.
  func refusal(for other: FetchPlan, at now: CacheInstant) -> FlightResult.Release? {
    guard
      RFC9111.mayReuse(
        times: storing.times, traits: storing.traits, directives: other.directives, now: now,
        rules: other.policy.rules)
    else { return .needsValidation }
    guard storing.vary.isEmpty || RFC9111.selection(storing.vary, in: other.request.fields) == selection else {
      return index.map { .variant(storing.vary, nonce: $0.nonce) } ?? .over
    }
    return CacheLayer.mayShare(plan, with: other, key: key, tags: mayGetTags ? nil : .some(tags), backend)
      ? nil : .over
  }

  /// The result of a request that comes when the response has come already, and its body is under way or being stored.
  func result(for late: FetchPlan, at now: CacheInstant, body: () -> Body?) -> FlightResult {
    if let release = refusal(for: late, at: now) {
      // What has become useless for everybody gives way to a new flight, which the next ones can share.
      let isOver =
        if case .needsValidation = release { !isReusable(at: now) } else { false }
      return .released(isOver ? .over : release)
    }
    guard let body = body() else { return .released(.over) }
    return .response(answer(isLeader: false, body: body, .stored))
  }

  /// Whether the response may answer requests that demand nothing.
  func isReusable(at now: CacheInstant) -> Bool {
    RFC9111.mayReuse(
      times: storing.times, traits: storing.traits, directives: .none, now: now, rules: plan.policy.rules)
  }

  /// What the complete response is stored as; nil when it cannot be.
  func entry(body: Bytes, trailers: HeaderFields?) -> CacheEntry? {
    let cost = Duration.nanoseconds(receipt.originNanoseconds)
    if response.status == 206 {
      guard var content = PartialContent(response.fields, body: body) else { return nil }
      if let existing {
        var combined = content
        if combined.combine(existing), combined.byteCount <= plan.policy.policy.maximumBodySize { content = combined }
      }
      return Self.entry(
        content, key: key, fields: storing.fields, storing: storing, cost: cost, tags: tags)
    }
    var fields = Self.fields(storing.fields, ofLength: body.count, status: response.status)
    // A body that has come as a stream gets its tag here; one that was all there has it already.
    if plan.policy.policy.generatesEntityTags,
      let tag = EntityTag.generated(for: body, status: response.status, fields: fields)
    {
      fields.append(KnownHeader.etag, tag)
    }
    // What has not changed keeps its memory: those who are reading it and those to come share it.
    let isUnchanged = plan.stored.map { $0.body == body } ?? false
    let body = isUnchanged ? plan.stored?.body ?? body : body
    return CacheEntry(
      key: key, status: response.status, fields: fields, body: body, trailers: trailers, times: storing.times,
      traits: storing.traits, cost: cost, tags: tags)
  }

  /// A whole response as an entry, as it has come.
  static func entry(
    of response: CacheResponse, body: Bytes, trailers: HeaderFields?, key: CacheKey, storing: StorePlan,
    receipt: Receipt, tags: CacheTags?
  ) -> CacheEntry {
    CacheEntry(
      key: key, shortStatus: Int16(clamping: response.status),
      fields: fields(storing.fields, ofLength: body.count, status: response.status), body: body, trailers: trailers,
      times: storing.times, traits: storing.traits,
      costInMicroseconds: UInt32(clamping: receipt.originNanoseconds / 1000), tags: tags)
  }

  /// The server may have taken the length from the transfer coding; a stored response always knows its own.
  private static func fields(_ fields: HeaderFields, ofLength length: Int, status: Int) -> HeaderFields {
    if status == 204 || RFC9111.isLength(length, of: fields)
      || RFC9111.contentLength(of: fields) == length && !fields.hasRepeated(.contentLength)
    {
      return fields
    }
    var fields = fields
    fields[.contentLength] = String(length)
    return fields
  }

  /// The tags, complete when the body is.
  private var tags: CacheTags? { scope.tags }

  /// What is wrong with the tags; nil when nothing is.
  var violation: CacheTagError? { scope.violation(of: plan.policy.policy.tags) }

  /// Parts as an entry; an ordinary one when they are all there is.
  static func entry(
    _ content: PartialContent, key: CacheKey, fields: HeaderFields, storing: StorePlan, cost: Duration,
    tags: CacheTags?
  ) -> CacheEntry {
    guard let whole = content.complete else {
      let (fields, body) = content.entry(fields: fields.filter { $0.known != .range })
      return CacheEntry(
        key: key, status: 206, fields: fields, body: body, trailers: nil, times: storing.times,
        traits: storing.traits.union(.partial), cost: cost, tags: tags)
    }
    var fields = RFC9110.withoutContentFields(fields).filter { $0.known != .range }
    fields.append(KnownHeader.contentLength, String(whole.count))
    return CacheEntry(
      key: key, status: 200, fields: fields, body: whole, trailers: nil, times: storing.times,
      traits: storing.traits.subtracting(.partial), cost: cost, tags: tags)
  }

  /// What the response is stored under.
  var key: CacheKey {
    index.map { $0.key(of: storing.vary, primary: primary, fields: plan.request.fields) } ?? primary
  }

  /// The entry that leads to `entry`, when the response varies and that entry is to be stored.
  func indexEntry(_ entry: CacheEntry) -> CacheEntry? {
    isIndexNew ? index.map { CacheEntry(key: primary, variantIndex: $0, times: entry.times) } : nil
  }
}
