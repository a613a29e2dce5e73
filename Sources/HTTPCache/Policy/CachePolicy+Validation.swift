//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CachePolicy {
  /// Refuses what makes no sense.
  ///
  /// - Throws: ``CacheConfigurationError`` that names the property, its value, and what would be right.
  public func validate() throws(CacheConfigurationError) {
    for (name, duration) in durations {
      guard duration >= .zero else {
        throw CacheConfigurationError("\(name) is \(duration): a time cannot be negative; use .zero for none")
      }
    }
    try mlLogging?.validate()
    if originLease == .zero {
      throw CacheConfigurationError("originLease is zero: nobody would ever hold it; use nil for none")
    }
    for (name, duration) in [("softTimeout", softTimeout), ("hardTimeout", hardTimeout)] where duration == .zero {
      throw CacheConfigurationError("\(name) is zero: no origin answers in no time; use nil for no limit")
    }
    if let softTimeout, let hardTimeout, softTimeout >= hardTimeout {
      throw CacheConfigurationError(
        "softTimeout (\(softTimeout)) must be shorter than hardTimeout (\(hardTimeout)): it would never have an effect")
    }
    guard lifetimeJitter >= 0 && lifetimeJitter < 1 else {
      throw CacheConfigurationError("lifetimeJitter is \(lifetimeJitter): give a share from 0 to below 1")
    }
    guard minimumBodySize >= 0 else {
      throw CacheConfigurationError("minimumBodySize is \(minimumBodySize): a size cannot be negative")
    }
    guard maximumBodySize >= minimumBodySize else {
      throw CacheConfigurationError(
        "maximumBodySize (\(maximumBodySize)) is below minimumBodySize (\(minimumBodySize)): nothing could be stored")
    }
    guard streamWindow >= 1024 else {
      throw CacheConfigurationError("streamWindow is \(streamWindow): give at least 1024 bytes")
    }
    guard earlyRefreshBeta >= 0 && earlyRefreshBeta <= 1_000 else {
      throw CacheConfigurationError("earlyRefreshBeta is \(earlyRefreshBeta): give 0 for no early refresh, or about 1")
    }
    if let mistake = cookies.mistake { throw CacheConfigurationError("cookies has \(mistake)") }
    try originLimit?.validate("originLimit")
    try admission?.validate()
    try tags.validate()
    try purging?.validate()
    for status in timeToLiveByStatus.keys where !(200...599).contains(status) {
      throw CacheConfigurationError("timeToLiveByStatus has \(status), which is no final status (200 to 599)")
    }
  }

  private var durations: [(String, Duration)] {
    let fixed: [(String, Duration?)] = [
      ("timeToLive", timeToLive), ("negativeTimeToLive", negativeTimeToLive),
      ("staleWhileRevalidate", staleWhileRevalidate), ("staleIfError", staleIfError),
      ("refreshBeforeExpiration", refreshBeforeExpiration), ("keepsForValidation", keepsForValidation),
      ("softTimeout", softTimeout), ("hardTimeout", hardTimeout), ("waitLimit", waitLimit),
      ("slowCallLimit", slowCallLimit),
      ("originLease", originLease),
      ("retryInterval", retryInterval), ("uncacheableTimeToLive", uncacheableTimeToLive),
    ]
    return fixed.compactMap { name, duration in duration.map { (name, $0) } }
      + timeToLiveByStatus.map { ("timeToLiveByStatus[\($0.key)]", $0.value) }
  }
}
