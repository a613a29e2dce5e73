//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which entry an ``InMemoryBackend`` gives up when it is full.
///
/// Under every policy but ``lru`` a hit moves nothing: it leaves a mark with the entry, which is read when room is needed.
public struct EvictionPolicy: Hashable, Sendable, CustomStringConvertible {
  enum Kind: UInt8 {
    case lru, fifo, sieve, s3FIFO, wTinyLFU, adaptive
  }

  let kind: Kind

  /// The entry that was used least recently. Exact, and the default.
  public static let lru = EvictionPolicy(kind: .lru)
  /// The entry that was stored first. For comparison.
  public static let fifo = EvictionPolicy(kind: .fifo)
  /// SIEVE (Zhang et al., NSDI 2024): the oldest that was not used since it was last considered. Better than LRU on most web
  /// traffic, helpless against loops.
  public static let sieve = EvictionPolicy(kind: .sieve)
  /// S3-FIFO (Yang et al., SOSP 2023): what was used at most once soon after it came, before what was used more often. Good on
  /// web traffic, helpless against loops.
  public static let s3FIFO = EvictionPolicy(kind: .s3FIFO)
  /// W-TinyLFU (Einziger et al., 2017), with a window that adapts itself: what is used more often stays, judged by the
  /// estimated frequencies of the newcomer and of what it would replace.
  public static let wTinyLFU = EvictionPolicy(kind: .wTinyLFU)
  /// What is the least worth its room, by what the traffic itself has shown about when entries of its kind are used again.
  /// Recommended for web traffic: it behaves like LRU, LFU or their opposite as the traffic has it, takes sizes into
  /// account, and resists scans and loops.
  public static let adaptive = EvictionPolicy(kind: .adaptive)

  /// All of them.
  public static let all: [EvictionPolicy] = [.lru, .fifo, .sieve, .s3FIFO, .wTinyLFU, .adaptive]

  /// The policy's name.
  public var description: String {
    switch kind {
    case .lru: "LRU"
    case .fifo: "FIFO"
    case .sieve: "SIEVE"
    case .s3FIFO: "S3-FIFO"
    case .wTinyLFU: "W-TinyLFU"
    case .adaptive: "adaptive"
    }
  }
}
