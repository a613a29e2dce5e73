//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Partial content as something worth storing (RFC 9111 §3.3, §3.4): what is there is served, what is missing is fetched.
extension CacheLayer {
  /// The answer that stored parts give to `request`; nil when more than what is there is wanted.
  @inline(never)
  nonisolated func partialResponse(
    from entry: CacheEntry, to request: CacheRequest, outcome: CacheOutcome, now: CacheInstant,
    details: CacheStatusDetails? = nil, plan: FetchPlan? = nil,
    policy: ResolvedPolicy? = nil
  ) -> CacheResponse? {
    guard request.method == .get, let content = PartialContent(entryFields: entry.fields, body: entry.body) else {
      return nil
    }
    let age = entry.times.age(at: now)
    let fields = head(of: entry, age: age, outcome: outcome, now: now, details: details)
      .filter { $0.known != .range }
    var response = CacheResponse(status: 206, fields: fields)
    if case .notModified = RFC9110.evaluatePreconditions(
      method: request.method, request: request.fields, status: 200, stored: entry.fields)
    {
      response.status = 304
      response.fields = RFC9110.notModifiedFields(of: fields)
    } else {
      switch content.answer(to: request.fields, stored: entry.fields) {
      case .missing, .unknown: return nil
      case .unsatisfiable:
        response.status = 416
        response.fields = RFC9110.unsatisfiableFields(of: fields, length: content.completeLength ?? 0)
      case .whole:
        guard let whole = content.complete else { return nil }
        response.status = 200
        response.fields = RFC9110.withoutContentFields(fields)
        response.fields.append(KnownHeader.contentLength, String(whole.count))
        response.body = Body(whole)
      case .ranges(let ranges):
        let slices = ranges.compactMap { content.slice(for: $0) }
        guard slices.count == ranges.count else { return nil }
        setParts(ranges, slices, length: content.completeLength, of: fields, in: &response)
      }
    }
    response.outcome = outcome
    TagScope.bubble(entry.tags)
    report(
      .answered(outcome), key: entry.key, entry: entry, request: request, policy: plan?.policy ?? policy,
      tags: entry.tags?.names,
      status: response.status, bodySize: response.body.length, age: age, since: plan?.startedAt, now: now,
      cost: entry.costInMicroseconds)
    return response
  }

  /// Makes `response` a 206 of one or several parts (RFC 9110 §15.3.7).
  nonisolated func setParts(
    _ ranges: [Range<Int>], _ slices: [Bytes], length: Int?, of fields: HeaderFields, in response: inout CacheResponse
  ) {
    if ranges.count == 1, let range = ranges.first, let slice = slices.first {
      setPart(range, slice, length: length, of: fields, in: &response)
      return
    }
    response.status = 206
    // Random, so that nobody can put the boundary into the content.
    let boundary = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
    let multipart = MultipartByteRanges(of: fields, ranges: ranges, length: length, boundary: boundary)
    response.fields = multipart.fields
    response.body = Body(
      Bytes(joining: zip(multipart.parts, slices).flatMap { [$0.head, $1] } + [multipart.closing]))
  }

  /// Makes `response` a 206 of one part (RFC 9110 §15.3.7.1).
  nonisolated func setPart(
    _ range: Range<Int>, _ slice: Bytes, length: Int?, of fields: HeaderFields, in response: inout CacheResponse
  ) {
    response.status = 206
    response.fields = RFC9110.partialFields(of: fields, range: range, length: length)
    response.body = Body(slice)
  }

  /// The fields of the request that fetches what the parts in `entry` lack for `request`.
  ///
  /// Nil when asking for all that the client wants is the better request: when the parts have no strong entity tag by which
  /// others could be joined to them (RFC 9111 §3.4), when the end of what is missing is not known, or when the parts would
  /// be larger together than what is stored.
  ///
  /// Parts without any validator are an exception. An origin that sends none rarely serves ranges, and answers a request for
  /// the rest with the whole. One that sends a part is asked again, for everything.
  nonisolated func completionFields(
    for request: CacheRequest, completing entry: CacheEntry, _ policy: ResolvedPolicy
  ) -> HeaderFields? {
    guard let content = PartialContent(entryFields: entry.fields, body: entry.body),
      content.strongTag != nil || isWithoutValidator(entry.fields) && !request.fields.contains(KnownHeader.range),
      case .missing(let first, let end) = content.answer(to: request.fields, stored: entry.fields),
      let last = end ?? content.completeLength, first < last,
      last - first <= policy.policy.maximumBodySize - content.byteCount
    else { return nil }
    return content.completionFields(for: request.fields, from: first, to: end)
  }

  private nonisolated func isWithoutValidator(_ fields: HeaderFields) -> Bool {
    fields.presence & (KnownHeader.etag.bit | KnownHeader.lastModified.bit) == 0
  }
}
