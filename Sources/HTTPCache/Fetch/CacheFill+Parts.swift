//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Partial content that completes what is stored (RFC 9111 §3.3, §3.4).
extension CacheFill {
  /// The origin sent a part of what was missing, or all of it: it is put together with what is stored.
  ///
  /// - Returns: The same plan without the parts, to send the client's own request, if the two do not belong together, or do
  ///   not hold all that the client has asked for.
  func complete(_ entry: CacheEntry) async -> FetchPlan? {
    let limit = plan.policy.policy.maximumBodySize
    guard let body = try? await response.body.collect(upTo: limit),
      var content = PartialContent(response.fields, body: body),
      let stored = PartialContent(entryFields: entry.fields, body: entry.body), content.combine(stored),
      content.byteCount <= limit,
      case .store(let storing) = plan.policy.storability(of: response, to: plan.request, exchange: exchange),
      isSelected(entry, as: storing.vary)
    else { return plan.withoutPartial() }
    flight.scope.add(entry.tags?.names ?? [])
    guard violation == nil else { return plan.withoutPartial() }
    let tags = flight.scope.tags
    let renewed = CacheEntry(
      content, key: entry.key, fields: RFC9111.freshened(entry.fields, with: storing.fields), storing: storing,
      exchange: exchange, tags: tags)
    guard satisfies(renewed) else { return plan.withoutPartial() }
    let isStored = await put(renewed)
    answer(
      FlightResponse(
        renewed, outcome: .miss(.partial), originStatus: 206, storing: isStored ? .stored : .none, exchange: exchange),
      key: entry.key, tags: tags)
    return nil
  }

  /// Whether an entry is where a response with this selection belongs.
  private func isSelected(_ entry: CacheEntry, as selection: VarySelection) -> Bool {
    guard case .success(let stored) = RFC9111.varySelection(of: entry.fields, limit: .max) else { return false }
    return selection.names.allSatisfy(stored.names.contains)
  }

  /// Whether an entry holds all that the request asks for.
  private func satisfies(_ entry: CacheEntry) -> Bool {
    guard entry.traits.contains(.partial) else { return true }
    if case .notModified = RFC9110.evaluatePreconditions(
      method: plan.request.method, request: plan.request.fields, status: 200, stored: entry.fields)
    {
      return true
    }
    guard let content = PartialContent(entryFields: entry.fields, body: entry.body) else { return false }
    switch content.answer(to: plan.request.fields, stored: entry.fields) {
    case .ranges, .whole, .unsatisfiable: return true
    case .missing, .unknown: return false
    }
  }
}
