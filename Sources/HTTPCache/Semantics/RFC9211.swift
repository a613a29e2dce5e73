//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// `Cache-Status`: what the cache did, for those who look at the response.
///
/// | section | what |
/// |---|---|
/// | §2 | ``append(to:cacheName:outcome:details:)`` |
enum RFC9211 {
  /// Adds this cache's member to the list, behind those of the caches that are nearer to the origin (§2).
  ///
  /// - Parameter cacheName: Identifies the cache.
  static func append(
    to fields: inout HeaderFields, cacheName: String, outcome: CacheOutcome, details: CacheStatusDetails = .init()
  ) {
    CacheStatusWriter.write { writer in
      writer.name(cacheName)
      write(outcome, details, to: &writer)
    } use: {
      fields.append(.cacheStatus, $0)
    }
  }

  private static func write(
    _ outcome: CacheOutcome, _ details: CacheStatusDetails, to writer: inout CacheStatusWriter
  ) {
    var reason: String?
    switch outcome {
    case .hit:
      writer.flag("hit")
    case .stale(let stale):
      writer.flag("hit")
      reason = stale.rawValue
    case .revalidated:
      writer.token("fwd", (details.forwardReason ?? .stale).rawValue)
      writer.integer("fwd-status", details.fwdStatus.map(Int64.init) ?? 304)
    case .miss(let miss):
      writer.token("fwd", miss.rawValue)
    case .collapsed:
      writer.token("fwd", (details.forwardReason ?? .absent).rawValue)
    case .bypass(.method):
      writer.token("fwd", "method")
    case .bypass(let bypass):
      writer.token("fwd", "bypass")
      reason = bypass.rawValue
    case .failed(.onlyIfCached):
      // Neither a hit nor forwarded.
      reason = CacheOutcome.FailureReason.onlyIfCached.rawValue
    case .failed(let failure):
      writer.token("fwd", "miss")
      reason = failure.rawValue
    }
    if outcome != .revalidated, let status = details.fwdStatus { writer.integer("fwd-status", Int64(status)) }
    if let ttl = details.ttl { writer.integer("ttl", ttl) }
    if details.stored == true { writer.flag("stored") }
    if outcome == .collapsed { writer.flag("collapsed") }
    if let key = details.key { writer.string("key", key) }
    if let detail = details.detail ?? reason { writer.tokenOrString("detail", detail) }
  }
}
