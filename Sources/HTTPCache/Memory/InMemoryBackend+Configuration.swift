//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension InMemoryBackend {
  /// What an in-memory backend may hold, and how it lets go.
  public struct Configuration: Sendable {
    /// The most memory that the store may take, in bytes: entries with their keys, heads and bodies as the allocator rounds
    /// them (``CacheEntry/weight``), heads kept ready for hits, and tables. 256 MiB unless said otherwise.
    public var capacity: Int
    /// The most entries there may be; nil (the default) for as many as `capacity` has room for.
    public var maximumEntryCount: Int?
    /// The part of `capacity` that one entry may take, above 0 and at most 1; an entry that weighs more is refused instead
    /// of driving out everything else. A quarter unless said otherwise.
    public var maximumEntryShare: Double
    /// Which entry goes when there is no room. ``EvictionPolicy/lru`` unless said otherwise.
    public var evictionPolicy: EvictionPolicy
    /// How many independently locked parts the entries are spread over, a power of two of at most 4,096; nil (the default)
    /// for 64, and fewer where the capacity or the number of entries is small. With one shard the order of eviction is
    /// exact to the request, with more it is exact within each shard and, between shards, to the resolution of the clock.
    public var shardCount: Int?
    /// How often entries whose time has come are looked for while nothing is stored. Five seconds unless said otherwise.
    public var sweepInterval: Duration
    /// The clock that says whether an entry's time has come.
    public var clock: CacheClock

    /// - Parameters: see the properties of the same names.
    public init(
      capacity: Int = 256 << 20, maximumEntryCount: Int? = nil, maximumEntryShare: Double = 0.25,
      evictionPolicy: EvictionPolicy = .lru, shardCount: Int? = nil, sweepInterval: Duration = .seconds(5),
      clock: CacheClock = .system
    ) {
      self.capacity = capacity
      self.maximumEntryCount = maximumEntryCount
      self.maximumEntryShare = maximumEntryShare
      self.evictionPolicy = evictionPolicy
      self.shardCount = shardCount
      self.sweepInterval = sweepInterval
      self.clock = clock
    }

    func validate() throws(CacheConfigurationError) {
      guard capacity > 0 else {
        throw CacheConfigurationError("a capacity of \(capacity) bytes has room for nothing")
      }
      if let maximumEntryCount, !(1...Int(Int32.max)).contains(maximumEntryCount) {
        throw CacheConfigurationError(
          "a maximum of \(maximumEntryCount) entries is out of range: between 1 and \(Int32.max) can be managed")
      }
      guard maximumEntryShare > 0, maximumEntryShare <= 1 else {
        throw CacheConfigurationError(
          "one entry cannot have a share of \(maximumEntryShare) of the capacity: it must be above 0 and at most 1")
      }
      if let shardCount, !(1...4096).contains(shardCount) || shardCount & (shardCount - 1) != 0 {
        throw CacheConfigurationError("\(shardCount) shards: the number must be a power of two between 1 and 4096")
      }
      guard sweepInterval > .zero else {
        throw CacheConfigurationError(
          "a sweep interval of \(sweepInterval) would sweep without end: it must be positive")
      }
    }

    /// The shards to make: as asked for, else so many that each has room for 4 MiB and a thousand entries, at most 64. Small
    /// caches are contended less, and order evictions better, than they are worth spreading.
    var effectiveShardCount: Int {
      if let shardCount { return shardCount }
      let room = min(capacity >> 22, (maximumEntryCount ?? .max) >> 10, 64)
      return room < 2 ? 1 : 1 << (Int.bitWidth - 1 - room.leadingZeroBitCount)
    }
  }
}
