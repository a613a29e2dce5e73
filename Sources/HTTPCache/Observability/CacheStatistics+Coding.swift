//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheStatistics: Codable {
  private enum CodingKeys: String, CodingKey {
    case requests, hitRatio
    case hits, stale, revalidated, misses, collapsed, bypasses, failures
    case stores, refusals, refreshes, failedRefreshes, invalidations, backendFailures
  }

  /// Encodes all counts under their names, those by reason as objects, and ``requests`` and ``hitRatio`` beside them.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(requests, forKey: .requests)
    try container.encode(hitRatio, forKey: .hitRatio)
    try container.encode(hits, forKey: .hits)
    try container.encode(stale, forKey: .stale)
    try container.encode(revalidated, forKey: .revalidated)
    try container.encode(misses, forKey: .misses)
    try container.encode(collapsed, forKey: .collapsed)
    try container.encode(bypasses, forKey: .bypasses)
    try container.encode(failures, forKey: .failures)
    try container.encode(stores, forKey: .stores)
    try container.encode(refusals, forKey: .refusals)
    try container.encode(refreshes, forKey: .refreshes)
    try container.encode(failedRefreshes, forKey: .failedRefreshes)
    try container.encode(invalidations, forKey: .invalidations)
    try container.encode(backendFailures, forKey: .backendFailures)
  }

  /// Decodes counts. One that is not there counts as zero, so that what an older version has encoded can be read.
  ///
  /// - Throws: `DecodingError` for counts that are not numbers, or reasons that are none.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func count(_ key: CodingKeys) throws -> Int { try container.decodeIfPresent(Int.self, forKey: key) ?? 0 }
    func counts<Reason: Decodable & CodingKeyRepresentable>(_ key: CodingKeys) throws -> [Reason: Int] {
      try container.decodeIfPresent([Reason: Int].self, forKey: key) ?? [:]
    }
    self.init()
    hits = try count(.hits)
    stale = try counts(.stale)
    revalidated = try count(.revalidated)
    misses = try counts(.misses)
    collapsed = try count(.collapsed)
    bypasses = try counts(.bypasses)
    failures = try counts(.failures)
    stores = try count(.stores)
    refusals = try counts(.refusals)
    refreshes = try count(.refreshes)
    failedRefreshes = try count(.failedRefreshes)
    invalidations = try count(.invalidations)
    backendFailures = try count(.backendFailures)
  }
}

extension CacheStatistics: CustomStringConvertible {
  /// The counts in one line, for people. Those that are zero are left out, except for the requests.
  public var description: String {
    func part(_ name: String, _ count: Int, _ reasons: [(String, Int)] = []) -> String? {
      guard count > 0 else { return nil }
      let reasons = reasons.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.map { "\($0.0) \($0.1)" }
      return reasons.isEmpty ? "\(name) \(count)" : "\(name) \(count) (\(reasons.joined(separator: ", ")))"
    }
    func part(_ name: String, _ counts: [some CustomStringConvertible: Int]) -> String? {
      part(name, counts.values.reduce(0, +), counts.map { ($0.key.description, $0.value) })
    }
    let parts = [
      part("hits", hits), part("stale", stale), part("revalidated", revalidated), part("misses", misses),
      part("collapsed", collapsed), part("bypasses", bypasses), part("failures", failures), part("stores", stores),
      part("refusals", refusals), part("refreshes", refreshes), part("failed refreshes", failedRefreshes),
      part("invalidations", invalidations), part("backend failures", backendFailures),
    ]
    return (["requests \(requests)"] + parts.compactMap(\.self)).joined(separator: ", ")
  }
}
