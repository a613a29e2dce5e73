//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How the tiers of a ``MultiTierBackend`` work together.
public struct TierConfiguration: Sendable {
  /// When what is stored reaches the far tier.
  public struct Writing: Hashable, Sendable, CustomStringConvertible {
    enum Kind: String { case through, back }

    let kind: Kind

    /// Before storing is over. One that fails is tried again later.
    public static let through = Writing(kind: .through)
    /// Later: storing is over when the near tier has the entry. ``MultiTierBackend/shutdown(within:)`` writes the rest.
    public static let back = Writing(kind: .back)

    /// The value as text, for people.
    public var description: String { kind.rawValue }
  }

  /// When what is stored reaches the far tier. Before storing is over, unless said otherwise.
  public var writing: Writing
  /// When an entry of the far tier is copied to the near one. At the first hit, unless said otherwise.
  public var promotion: TierPromotion
  /// The largest body that the near tier gets, in bytes. 1 MiB unless said otherwise.
  public var maximumNearBodySize: Int
  /// How long an entry of the near tier is used before the far tier is asked whether it still has the same. Ten seconds
  /// unless said otherwise: for so long at most, a node serves what another has invalidated when no message tells it.
  public var nearTimeToLive: Duration
  /// For how long more it is used while the far tier cannot be asked. A minute unless said otherwise.
  public var nearGrace: Duration
  /// How long a tier may take to answer; nil for as long as it likes. Half a second unless said otherwise.
  public var timeout: Duration?
  /// After how many failures in a row a tier is left alone for a while. Five unless said otherwise.
  public var failureThreshold: Int
  /// For how long, the first time; it doubles with each failed attempt. A second unless said otherwise.
  public var suspension: Duration
  /// For how long at most. 30 seconds unless said otherwise.
  public var longestSuspension: Duration
  /// How many entries may wait to be written to the far tier; beyond that the oldest are given up. 1,024 unless said
  /// otherwise.
  public var maximumWaitingWrites: Int
  /// What they may weigh together, in bytes. 64 MiB unless said otherwise.
  public var maximumWaitingWeight: Int
  /// How many of them are written at the same time. 8 unless said otherwise.
  public var concurrentWrites: Int
  /// How many invalidations may wait for a tier that fails; beyond that everything is invalidated in their place. 1,024
  /// unless said otherwise.
  public var maximumPendingInvalidations: Int
  /// How often a message says that this node is still there, so that others notice what they have missed. Five seconds
  /// unless said otherwise.
  public var heartbeatInterval: Duration
  /// Where the time comes from. If it is the system's clock, which it is unless said otherwise, and the tiers read another,
  /// theirs is used.
  public var clock: CacheClock
  /// Is told what happens, in whatever task it happens in; must be short.
  public var observer: (@Sendable (TierEvent) -> Void)?
  /// Where the chance comes from that keeps nodes from doing things at the same moment: from 0 to 1.
  var jitter: @Sendable () -> Double = { .random(in: 0...1) }

  /// - Parameters: see the properties of the same names; all others have their defaults.
  public init(
    writing: Writing = .through, promotion: TierPromotion = .firstHit, maximumNearBodySize: Int = 1 << 20,
    nearTimeToLive: Duration = .seconds(10), timeout: Duration? = .milliseconds(500), clock: CacheClock = .system,
    observer: (@Sendable (TierEvent) -> Void)? = nil
  ) {
    self.writing = writing
    self.promotion = promotion
    self.maximumNearBodySize = maximumNearBodySize
    self.nearTimeToLive = nearTimeToLive
    self.nearGrace = .seconds(60)
    self.timeout = timeout
    self.failureThreshold = 5
    self.suspension = .seconds(1)
    self.longestSuspension = .seconds(30)
    self.maximumWaitingWrites = 1024
    self.maximumWaitingWeight = 64 << 20
    self.concurrentWrites = 8
    self.maximumPendingInvalidations = 1024
    self.heartbeatInterval = .seconds(5)
    self.clock = clock
    self.observer = observer
  }

  /// Refuses what makes no sense.
  ///
  /// - Throws: ``CacheConfigurationError`` that names the property, its value, and what would be right.
  public func validate() throws(CacheConfigurationError) {
    if case .hits(let count, let period) = promotion.kind {
      guard count >= 1 else {
        throw CacheConfigurationError("promotion is \(promotion): it takes at least one hit to find an entry")
      }
      if let period, period <= .zero {
        throw CacheConfigurationError("promotion is \(promotion): hits are counted within a positive period")
      }
    }
    guard maximumNearBodySize >= 0 else {
      throw CacheConfigurationError("maximumNearBodySize is \(maximumNearBodySize): a size cannot be negative")
    }
    if timeout.map({ $0 <= .zero }) ?? false {
      throw CacheConfigurationError("timeout is \(timeout ?? .zero): no tier answers in no time; use nil for no limit")
    }
    guard nearGrace >= .zero else {
      throw CacheConfigurationError("nearGrace is \(nearGrace): a time cannot be negative; use .zero for none")
    }
    let durations = [
      ("nearTimeToLive", nearTimeToLive), ("suspension", suspension), ("longestSuspension", longestSuspension),
      ("heartbeatInterval", heartbeatInterval),
    ]
    for (name, duration) in durations where duration <= .zero {
      throw CacheConfigurationError("\(name) is \(duration): it must be positive")
    }
    let counts = [
      ("failureThreshold", failureThreshold), ("maximumWaitingWrites", maximumWaitingWrites),
      ("maximumWaitingWeight", maximumWaitingWeight), ("concurrentWrites", concurrentWrites),
      ("maximumPendingInvalidations", maximumPendingInvalidations),
    ]
    for (name, count) in counts where count < 1 {
      throw CacheConfigurationError("\(name) is \(count): it must be at least 1")
    }
  }
}
