//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The policy of one shard, whichever it is.
///
/// LRU and FIFO live here, within the shard; the state of the others is allocated on its own, and for SIEVE, S3-FIFO and
/// W-TinyLFU a hit does not touch it.
struct EvictionState: ~Copyable {
  private let kind: EvictionPolicy.Kind
  private var recency = RecencyPolicy()
  /// The state of the policy `kind`, of the type that `withPolicy` says; nil for LRU and FIFO.
  private let state: UnsafeMutableRawPointer?

  private static let maximumMark: UInt8 = 15

  init(_ kind: EvictionPolicy.Kind) {
    self.kind = kind
    state =
      switch kind {
      case .lru, .fifo: nil
      case .sieve: Self.allocate(SievePolicy())
      case .s3FIFO: Self.allocate(S3FIFOPolicy())
      case .wTinyLFU: Self.allocate(TinyLFUPolicy())
      case .adaptive: Self.allocate(ReusePolicy())
      }
  }

  deinit {
    guard let state else { return }
    switch kind {
    case .lru, .fifo: break
    case .sieve: state.assumingMemoryBound(to: SievePolicy.self).deinitialize(count: 1)
    case .s3FIFO: state.assumingMemoryBound(to: S3FIFOPolicy.self).deinitialize(count: 1)
    case .wTinyLFU: state.assumingMemoryBound(to: TinyLFUPolicy.self).deinitialize(count: 1)
    case .adaptive: state.assumingMemoryBound(to: ReusePolicy.self).deinitialize(count: 1)
    }
    state.deallocate()
  }

  private static func allocate<Policy: ShardPolicy & ~Copyable>(_ policy: consuming Policy) -> UnsafeMutableRawPointer {
    let pointer = UnsafeMutablePointer<Policy>.allocate(capacity: 1)
    pointer.initialize(to: policy)
    return UnsafeMutableRawPointer(pointer)
  }

  /// Whether shards are compared by moments of use, so that the order of eviction is exact across them.
  var ranksByUse: Bool { kind == .lru || kind == .fifo }

  /// Whether the policy asks the slab for hashes.
  var needsHashes: Bool {
    switch kind {
    case .lru, .fifo, .sieve: false
    case .s3FIFO, .wTinyLFU, .adaptive: true
    }
  }

  /// Notes that a node was used, at `now` in nanoseconds.
  @inline(__always)
  mutating func touch(_ index: Int32, at now: Int64, in slab: inout NodeSlab) {
    switch kind {
    case .lru:
      slab[index].lastUsed = now
      recency.touch(index, in: &slab)
    case .fifo: break
    case .sieve, .s3FIFO, .wTinyLFU:
      if slab[index].uses < Self.maximumMark { slab[index].uses &+= 1 }
    case .adaptive: state!.assumingMemoryBound(to: ReusePolicy.self).pointee.touch(index, in: &slab)
    }
  }

  /// See ``ShardPolicy``.
  mutating func insert(_ index: Int32, in slab: inout NodeSlab) {
    switch kind {
    case .lru, .fifo: recency.insert(index, in: &slab)
    case .sieve: state!.assumingMemoryBound(to: SievePolicy.self).pointee.insert(index, in: &slab)
    case .s3FIFO: state!.assumingMemoryBound(to: S3FIFOPolicy.self).pointee.insert(index, in: &slab)
    case .wTinyLFU: state!.assumingMemoryBound(to: TinyLFUPolicy.self).pointee.insert(index, in: &slab)
    case .adaptive: state!.assumingMemoryBound(to: ReusePolicy.self).pointee.insert(index, in: &slab)
    }
  }

  /// See ``ShardPolicy``.
  mutating func remove(_ index: Int32, in slab: inout NodeSlab) {
    switch kind {
    case .lru, .fifo: recency.remove(index, in: &slab)
    case .sieve: state!.assumingMemoryBound(to: SievePolicy.self).pointee.remove(index, in: &slab)
    case .s3FIFO: state!.assumingMemoryBound(to: S3FIFOPolicy.self).pointee.remove(index, in: &slab)
    case .wTinyLFU: state!.assumingMemoryBound(to: TinyLFUPolicy.self).pointee.remove(index, in: &slab)
    case .adaptive: state!.assumingMemoryBound(to: ReusePolicy.self).pointee.remove(index, in: &slab)
    }
  }

  /// See ``ShardPolicy``.
  mutating func resize(_ index: Int32, to weight: Int, in slab: inout NodeSlab) {
    switch kind {
    case .lru, .fifo: recency.resize(index, to: weight, in: &slab)
    case .sieve: state!.assumingMemoryBound(to: SievePolicy.self).pointee.resize(index, to: weight, in: &slab)
    case .s3FIFO: state!.assumingMemoryBound(to: S3FIFOPolicy.self).pointee.resize(index, to: weight, in: &slab)
    case .wTinyLFU: state!.assumingMemoryBound(to: TinyLFUPolicy.self).pointee.resize(index, to: weight, in: &slab)
    case .adaptive: state!.assumingMemoryBound(to: ReusePolicy.self).pointee.resize(index, to: weight, in: &slab)
    }
  }

  /// See ``ShardPolicy``.
  mutating func evict(from slab: inout NodeSlab) -> Int32 {
    switch kind {
    case .lru, .fifo: recency.evict(from: &slab)
    case .sieve: state!.assumingMemoryBound(to: SievePolicy.self).pointee.evict(from: &slab)
    case .s3FIFO: state!.assumingMemoryBound(to: S3FIFOPolicy.self).pointee.evict(from: &slab)
    case .wTinyLFU: state!.assumingMemoryBound(to: TinyLFUPolicy.self).pointee.evict(from: &slab)
    case .adaptive: state!.assumingMemoryBound(to: ReusePolicy.self).pointee.evict(from: &slab)
    }
  }

  /// See ``ShardPolicy``.
  func rank(in slab: borrowing NodeSlab) -> Int64 {
    switch kind {
    case .lru, .fifo: recency.rank(in: slab)
    case .sieve: state!.assumingMemoryBound(to: SievePolicy.self).pointee.rank(in: slab)
    case .s3FIFO: state!.assumingMemoryBound(to: S3FIFOPolicy.self).pointee.rank(in: slab)
    case .wTinyLFU: state!.assumingMemoryBound(to: TinyLFUPolicy.self).pointee.rank(in: slab)
    case .adaptive: state!.assumingMemoryBound(to: ReusePolicy.self).pointee.rank(in: slab)
    }
  }

  /// See ``ShardPolicy``.
  @inline(__always)
  var byteCount: Int { state == nil ? 0 : stateByteCount }

  @inline(never)
  private var stateByteCount: Int {
    switch kind {
    case .lru, .fifo: recency.byteCount
    case .sieve: state!.assumingMemoryBound(to: SievePolicy.self).pointee.byteCount
    case .s3FIFO: state!.assumingMemoryBound(to: S3FIFOPolicy.self).pointee.byteCount
    case .wTinyLFU: state!.assumingMemoryBound(to: TinyLFUPolicy.self).pointee.byteCount
    case .adaptive: state!.assumingMemoryBound(to: ReusePolicy.self).pointee.byteCount
    }
  }

  /// See ``ShardPolicy``.
  func inconsistency(in slab: borrowing NodeSlab) -> String? {
    switch kind {
    case .lru, .fifo: recency.inconsistency(in: slab)
    case .sieve: state!.assumingMemoryBound(to: SievePolicy.self).pointee.inconsistency(in: slab)
    case .s3FIFO: state!.assumingMemoryBound(to: S3FIFOPolicy.self).pointee.inconsistency(in: slab)
    case .wTinyLFU: state!.assumingMemoryBound(to: TinyLFUPolicy.self).pointee.inconsistency(in: slab)
    case .adaptive: state!.assumingMemoryBound(to: ReusePolicy.self).pointee.inconsistency(in: slab)
    }
  }

}
