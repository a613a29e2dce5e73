//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Whom a storable response is for, and what it is stored as.
struct Sharing: Sendable {
  let plan: FetchPlan
  let storing: StorePlan
  /// Set when the response varies.
  let index: VariantIndex?
  private let selection: String

  init(plan: FetchPlan, storing: StorePlan, index: VariantIndex?) {
    self.plan = plan
    self.storing = storing
    self.index = index
    self.selection = RFC9111.selection(storing.vary, in: plan.request.fields)
  }

  /// Whether the response is for the request of `other` too (RFC 9111 §4.1).
  func isFor(_ other: FetchPlan) -> Bool {
    storing.vary.isEmpty || RFC9111.selection(storing.vary, in: other.request.fields) == selection
  }

  func entry(_ response: CacheResponse, body: Bytes, trailers: HeaderFields?, cost: Duration) -> CacheEntry {
    let key = index.map { $0.key(of: storing.vary, primary: plan.key, fields: plan.request.fields) } ?? plan.key
    var fields = storing.fields
    // The server may have taken the length from the transfer coding; a stored response always knows its own.
    if response.status != 204, fields[.contentLength] != String(body.count) {
      fields[.contentLength] = String(body.count)
    }
    return CacheEntry(
      key: key, status: response.status, fields: fields, body: body, trailers: trailers, times: storing.times,
      traits: storing.traits, cost: cost)
  }

  /// The entry that leads to `entry`, when the response varies.
  func indexEntry(_ entry: CacheEntry) -> CacheEntry? {
    index.map { CacheEntry(key: plan.key, variantIndex: $0, times: entry.times) }
  }
}
