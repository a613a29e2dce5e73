//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A response of the origin that may be stored: decides who else gets it, and what entry is made of it.
///
/// An object, because those who join later are answered from it while the body is under way or being stored.
final class SharedResponse: Sendable {
  let plan: FetchPlan
  let storing: StorePlan
  /// As it has come from the origin.
  let response: CacheResponse
  let exchange: ExchangeTimes
  /// The key of the response, before `Vary`.
  let primary: CacheKey
  /// Set when the response varies, or others of its resource do.
  private let index: VariantIndex?
  /// Whether the index is to be stored with the response.
  private let isIndexNew: Bool
  /// Parts of the same representation that are stored already.
  private let existing: PartialContent?
  private let selection: String
  /// The scope for tags and invalidations of the response.
  private let scope: TagScope
  /// Whether more may be said while the body is under way.
  private let mayGetTags: Bool
  private let backend: any CacheBackend

  init(
    _ fill: CacheFill, _ storing: StorePlan, primary: CacheKey, index: VariantIndex? = nil, isIndexNew: Bool = true,
    existing: PartialContent? = nil
  ) {
    plan = fill.plan
    response = fill.response
    exchange = fill.exchange
    scope = fill.flight.scope
    backend = fill.cache.backend
    mayGetTags = fill.response.body.bytes == nil && fill.plan.policy.policy.tags.ambience == .untilBodyEnds
    self.storing = storing
    self.primary = primary
    self.index = index
    self.isIndexNew = isIndexNew
    self.existing = existing
    selection = RFC9111.selection(storing.vary, in: fill.plan.request.fields)
  }

  // MARK: Who gets it

  /// The response for one of those who wait.
  ///
  /// - Parameter isLeader: What is stored lacks the fields that are for the leader's eyes only; the leader gets them.
  func answer(isLeader: Bool, body: Body, _ became: CacheEvent.Storing) -> FlightResponse {
    FlightResponse(
      status: response.status,
      fields: isLeader
        ? RFC9111.fieldsWithoutHopByHop(response.fields, receivedUnix: exchange.receivedUnix) : storing.fields,
      body: body, trailers: response.trailers, birth: isLeader ? nil : storing.times.birth, storing: became,
      exchange: exchange)
  }

  /// The outcome for the request of `other`, which did not cause the response, when that is not for it; nil when it is: it may
  /// be reused for that now (RFC 9111 §4), both agree in what selects it (§4.1), and it has not been invalidated before the
  /// other began.
  func refusal(for other: FetchPlan, at now: CacheInstant) -> FlightOutcome? {
    guard other.mayReuse(times: storing.times, traits: storing.traits, at: now) else { return .needsValidation }
    guard storing.vary.isEmpty || RFC9111.selection(storing.vary, in: other.request.fields) == selection else {
      return index.map { .variant(storing.vary, nonce: $0.nonce) } ?? .ended
    }
    return plan.mayShare(with: other, key: key, tags: mayGetTags ? nil : .some(scope.tags), backend) ? nil : .ended
  }

  /// The outcome of a request that comes when the response has come already, and its body is under way or being stored.
  func outcome(for late: FetchPlan, at now: CacheInstant, body: () -> Body?) -> FlightOutcome {
    if let refusal = refusal(for: late, at: now) {
      // What has become useless for everybody gives way to a new flight, which the next ones can share.
      if case .needsValidation = refusal, !isReusable(at: now) { return .ended }
      return refusal
    }
    return body().map { .response(answer(isLeader: false, body: $0, .stored)) } ?? .ended
  }

  /// Whether the response may answer requests that demand nothing.
  private func isReusable(at now: CacheInstant) -> Bool {
    RFC9111.mayReuse(
      times: storing.times, traits: storing.traits, directives: .none, now: now, rules: plan.policy.rules)
  }

  // MARK: What is stored

  /// The key of the response.
  var key: CacheKey {
    index.map { $0.key(of: storing.vary, primary: primary, fields: plan.request.fields) } ?? primary
  }

  /// The entry that the complete response is stored as; nil when it cannot be stored.
  func entry(body: Bytes, trailers: HeaderFields?) -> CacheEntry? {
    if response.status == 206 {
      guard var content = PartialContent(response.fields, body: body) else { return nil }
      if let existing {
        var combined = content
        if combined.combine(existing), combined.byteCount <= plan.policy.policy.maximumBodySize { content = combined }
      }
      return CacheEntry(
        content, key: key, fields: storing.fields, storing: storing, exchange: exchange, tags: scope.tags)
    }
    var storing = storing
    // A body that has come as a stream gets its tag here; one that was all there has it already.
    if plan.policy.policy.generatesEntityTags,
      let tag = EntityTag.generated(for: body, status: response.status, fields: storing.fields)
    {
      storing.fields.append(KnownHeader.etag, tag)
    }
    // What has not changed keeps its memory: those who are reading it and those to come share it.
    let stored = plan.stored
    return CacheEntry(
      status: response.status, body: stored?.body == body ? stored?.body ?? body : body, trailers: trailers, key: key,
      storing: storing, exchange: exchange, tags: scope.tags)
  }

  /// The entry that leads to `entry`, when the response varies and that entry is to be stored.
  func indexEntry(_ entry: CacheEntry) -> CacheEntry? {
    isIndexNew ? index.map { CacheEntry(key: primary, variantIndex: $0, times: entry.times) } : nil
  }
}
