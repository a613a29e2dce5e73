//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which entry an ``InMemoryBackend`` gives up when it is full.
public struct EvictionPolicy: Hashable, Sendable, CustomStringConvertible {
  enum Kind: UInt8 {
    case lru, fifo
  }

  let kind: Kind

  /// The entry that was used least recently. Exact, and the default.
  public static let lru = EvictionPolicy(kind: .lru)
  /// The entry that was stored first. For comparison.
  public static let fifo = EvictionPolicy(kind: .fifo)

  /// The policy's name.
  public var description: String {
    switch kind {
    case .lru: "LRU"
    case .fifo: "FIFO"
    }
  }
}
