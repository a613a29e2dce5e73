//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a member of `Cache-Status` says beyond the outcome (RFC 9211 §2).
struct CacheStatusDetails: Hashable, Sendable {
  /// The remaining freshness lifetime in seconds, negative when stale (§2.4).
  var ttl: Int64?
  /// The status of the origin's response (§2.3).
  var fwdStatus: Int?
  /// Why the request was forwarded, where the outcome does not say so (§2.2).
  var forwardReason: CacheOutcome.MissReason?
  /// Whether that response was stored (§2.5).
  var stored: Bool?
  /// The key (§2.7).
  var key: String?
  /// Anything else (§2.8).
  var detail: String?

  init(
    ttl: Int64? = nil, fwdStatus: Int? = nil, forwardReason: CacheOutcome.MissReason? = nil, stored: Bool? = nil,
    key: String? = nil, detail: String? = nil
  ) {
    self.ttl = ttl
    self.fwdStatus = fwdStatus
    self.forwardReason = forwardReason
    self.stored = stored
    self.key = key
    self.detail = detail
  }
}
