//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The fields of a request that ask for something else than the whole response.
  static let conditionalMask =
    KnownHeader.ifNoneMatch.bit | KnownHeader.ifModifiedSince.bit | KnownHeader.range.bit

  /// The conditions that only the origin can judge (RFC 9111 §4.3.2).
  static let originConditions = KnownHeader.ifMatch.bit | KnownHeader.ifUnmodifiedSince.bit

  /// The response that `entry` is to `request`: whole, or 304, 206, 416 (RFC 9110 §13, §14), with `Age` and
  /// `Cache-Status`.
  @inline(__always)
  nonisolated func response(
    from entry: CacheEntry, to request: CacheRequest, outcome: CacheOutcome, now: CacheInstant,
    details: CacheStatusDetails? = nil, plan: FetchPlan? = nil, policy: ResolvedPolicy? = nil
  ) -> CacheResponse {
    let age = entry.times.age(at: now)
    var response = CacheResponse(
      status: entry.status, fields: HeaderFields(), body: Body(entry.body), trailers: entry.trailers)
    if outcome == .hit, details == nil {
      response.fields = hitHead(of: entry, age: age, now: now, policy)
    } else {
      response.fields = head(of: entry, age: age, outcome: outcome, now: now, details: details)
    }
    response.outcome = outcome
    TagScope.bubble(entry.tags)
    adapt(&response, to: request)
    let policy = plan?.policy ?? policy
    if outcome != .hit || observers.interests.contains(.hits) {
      report(
        .answered(outcome), key: entry.key, entry: entry, request: request, policy: policy, tags: entry.tags?.names,
        status: response.status, bodySize: response.body.length, age: age, since: plan?.startedAt, now: now,
        cost: entry.costInMicroseconds)
    } else {
      counters.countAnswer(
        .hit, policy: policy?.number ?? 0, byteCount: response.body.length ?? 0, cost: entry.costInMicroseconds,
        stripe: entry.digest.low)
      note(
        .answered(.hit), key: entry.key, entry: entry, request: request, policy: policy, status: response.status,
        bodySize: response.body.length, since: plan?.startedAt, now: now)
    }
    return response
  }

  /// The stale response that `entry` is to the request of `plan`.
  nonisolated func staleResponse(
    _ entry: CacheEntry, _ plan: FetchPlan, _ reason: CacheOutcome.StaleReason, at now: CacheInstant
  ) -> CacheResponse {
    response(from: entry, to: plan.request, outcome: .stale(reason), now: now, plan: plan)
  }

  /// The response made of a flight's; nil when that does not hold what the request asks for.
  nonisolated func response(
    of answer: FlightResponse, to plan: FetchPlan, isLeader: Bool, now: CacheInstant
  ) -> CacheResponse? {
    if let (entry, outcome) = answer.source {
      var details = CacheStatusDetails(fwdStatus: answer.originStatus, forwardReason: plan.reason)
      details.detail = answer.storing.refusal?.rawValue
      if entry.traits.contains(.partial) {
        return partialResponse(
          from: entry, to: plan.request, outcome: outcome, now: now, details: details, plan: plan)
      }
      var response = response(
        from: entry, to: plan.request, outcome: outcome, now: now, details: details, plan: plan)
      if isLeader, !answer.leaderFields.isEmpty {
        // RFC 9111 §3.2: what the update says takes the place of what is stored.
        response.fields.removeAll(.setCookie)
        response.fields.append(contentsOf: answer.leaderFields)
      }
      return response
    }
    let outcome: CacheOutcome = isLeader ? .miss(plan.reason) : .collapsed
    var response = CacheResponse(
      status: answer.status, fields: answer.fields, body: answer.body, trailers: answer.trailers)
    if let birth = answer.birth {
      let age = max(0, now.nanoseconds.subtractingSaturated(birth.nanoseconds)) / 1_000_000_000
      response.fields.append(KnownHeader.age, String(age))
    }
    if answer.storing == .stored, plan.request.fields.presence & Self.conditionalMask != 0 {
      answerConditions(of: plan.request, in: &response, of: answer)
    }
    response.outcome = outcome
    if outcome == .miss(.absent), answer.originStatus == 200, answer.storing == .stored, !showsKeys {
      response.fields.append(contentsOf: usualMissStatus)
    } else {
      RFC9211.append(
        to: &response.fields, cacheName: name, outcome: outcome,
        details: CacheStatusDetails(
          fwdStatus: answer.originStatus, forwardReason: plan.reason, stored: answer.storing == .stored,
          key: showsKeys ? plan.key.text : nil, detail: answer.storing.refusal?.rawValue))
    }
    if observers.interests.isEmpty {
      counters.countAnswer(
        outcome, policy: plan.policy.number, byteCount: response.body.length ?? 0, stripe: plan.key.digest.low)
      note(
        .answered(outcome), key: plan.key, request: plan.request, policy: plan.policy, status: response.status,
        bodySize: response.body.length, since: plan.startedAt, now: now, originDuration: answer.originDuration,
        storing: answer.storing)
    } else {
      report(
        .answered(outcome), key: plan.key, request: plan.request, policy: plan.policy, status: response.status,
        bodySize: response.body.length, since: plan.startedAt, now: now, originDuration: answer.originDuration,
        storing: answer.storing)
    }
    counters.countContent(of: &response, as: outcome, policy: plan.policy.number, stripe: plan.key.digest.low)
    return response
  }

  /// The same conditions for a response that is being stored.
  @inline(never)
  private nonisolated func answerConditions(
    of request: CacheRequest, in response: inout CacheResponse, of answer: FlightResponse
  ) {
    switch RFC9110.evaluatePreconditions(
      method: request.method, request: request.fields, status: answer.status, stored: answer.fields)
    {
    case .notModified:
      // This client needs no body; the next one does.
      answer.body.leaveToStore()
      response = CacheResponse(status: 304, fields: RFC9110.notModifiedFields(of: response.fields))
    case .none, .failed:
      // The client asked for a part, the cache for everything; what is all there can be cut.
      guard let body = answer.body.bytes else { return }
      let selection = RFC9110.rangeSelection(
        request: request.fields, status: answer.status, stored: answer.fields, length: body.count)
      cut(&response, to: answer.status == 200 ? selection : .whole, of: body)
    }
  }

  /// Makes of the whole stored response what `request` asks for: its head, 304, or a part.
  @inline(__always)
  nonisolated func adapt(_ response: inout CacheResponse, to request: CacheRequest) {
    if request.fields.presence & Self.conditionalMask != 0 { answerConditions(of: request, in: &response) }
    if request.method == .head { response.body = .empty }
  }

  /// The head of a hit. In memory it is made once for all hits of one second under one policy, and kept where the next finds
  /// it.
  private nonisolated func hitHead(
    of entry: CacheEntry, age: Int64, now: CacheInstant, _ policy: ResolvedPolicy?
  ) -> HeaderFields {
    // Whether a refresh is due early is decided at each hit.
    guard let memory, let policy, policy.policy.earlyRefreshBeta == 0 else {
      return head(of: entry, age: age, outcome: .hit, now: now, details: nil)
    }
    if let kept = memory.head(of: entry, at: now, owner: policy.headOwner) { return kept }
    var fields = head(of: entry, age: age, outcome: .hit, now: now, details: nil)
    // Right until the age changes, and no longer than nobody has to look after the entry.
    let times = entry.times
    let from = times.birth.nanoseconds.addingSaturated(age.secondsAsNanoseconds)
    let refreshFrom = times.freshUntil.nanoseconds.subtractingSaturated(policy.rules.refreshBeforeNanoseconds)
    let until = Swift.min(from.addingSaturated(1_000_000_000), refreshFrom)
    if from <= now.nanoseconds, now.nanoseconds < until, entry.traits.isDisjoint(with: [.alwaysValidate, .partial]) {
      fields.setValidity(HeadValidity(from: from, until: until, owner: policy.headOwner))
      memory.keep(fields, of: entry)
    }
    return fields
  }

  @inline(never)
  nonisolated func head(
    of entry: CacheEntry, age: Int64, outcome: CacheOutcome, now: CacheInstant, details: CacheStatusDetails?
  ) -> HeaderFields {
    var fields = entry.fields
    fields.reserveCapacity(fieldCount: fields.count + 2, byteCount: fields.serializedByteCount + 160)
    fields.append(KnownHeader.age, String(age))
    var details = details ?? CacheStatusDetails()
    // With a detail the response has not been stored, and has no lifetime here.
    if details.detail == nil { details.ttl = entry.times.remainingFreshness(at: now) }
    RFC9211.append(to: &fields, cacheName: name, outcome: outcome, details: details)
    return fields
  }

  /// RFC 9110 §13.2.2 and §14.2, for a whole response that is stored.
  @inline(never)
  private nonisolated func answerConditions(
    of request: CacheRequest, in response: inout CacheResponse
  ) {
    switch RFC9110.evaluatePreconditions(
      method: request.method, request: request.fields, status: response.status, stored: response.fields)
    {
    case .notModified:
      response.status = 304
      response.fields = RFC9110.notModifiedFields(of: response.fields)
      response.body = .empty
      response.trailers = nil
    // If-Match and If-Unmodified-Since are the origin's to judge (RFC 9111 §4.3.2); a stored response is no state to protect.
    case .none, .failed:
      guard request.method == .get, let body = response.body.bytes else { return }
      let selection = RFC9110.rangeSelection(
        request: request.fields, status: response.status, stored: response.fields, length: body.count)
      cut(&response, to: selection, of: body)
    }
  }

  /// Makes a 206 or 416 of a complete response (RFC 9110 §15.3.7, §15.5.17).
  nonisolated func cut(_ response: inout CacheResponse, to selection: RangeSelection, of body: Bytes) {
    switch selection {
    case .whole: return
    case .unsatisfiable:
      response.status = 416
      response.fields = RFC9110.unsatisfiableFields(of: response.fields, length: body.count)
      response.body = .empty
    case .ranges(let ranges):
      if ranges.count == 1, let range = ranges.first {
        setPart(range, body.slice(range), length: body.count, of: response.fields, in: &response)
      } else {
        setParts(Array(ranges), ranges.map { body.slice($0) }, length: body.count, of: response.fields, in: &response)
      }
    }
    // Trailers speak of the whole.
    response.trailers = nil
  }
}
