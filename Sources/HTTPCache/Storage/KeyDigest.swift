//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// 128 bits that stand for a key within this process: seeded at random, so that nobody outside can craft collisions.
///
/// A folded-multiply hash after wyhash. It is fast rather than cryptographic, which is why whoever finds an entry by its
/// digest compares the whole key before using it.
public struct KeyDigest: Hashable, Sendable {
  /// The first half; picks the shard.
  public let high: UInt64
  /// The second half; picks the slot.
  public let low: UInt64

  static let seed = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  init() {
    high = Self.seed.0
    low = Self.seed.1
  }

  /// The same in every process, for what is no key: nothing is looked up by it.
  static let unseeded = KeyDigest(high: 0x243F_6A88_85A3_08D3, low: 0x1319_8A2E_0370_7344)

  /// The digest of what has been digested so far, followed by `bytes` (and their number, so that "a"+"bc" and "ab"+"c"
  /// differ).
  @inline(__always)
  func appending(_ bytes: UnsafeRawBufferPointer) -> KeyDigest { absorbing(bytes).finished }

  @inline(__always)
  func appending(_ text: String) -> KeyDigest { absorbing(text).finished }

  /// The digest with the bits that pick the shard taken from another.
  func inShard(of other: KeyDigest) -> KeyDigest {
    KeyDigest(high: high & ~Self.shardMask | other.high & Self.shardMask, low: low)
  }

  /// The part of the first half that variants of a resource do not have in common.
  @inline(__always)
  var spread: UInt64 { high >> 16 }

  /// The part of the first half that picks the shard: for up to 65,536 of them.
  static let shardMask: UInt64 = 0xFFFF

  /// The same for two texts at once, which is shorter work: what lies between them needs no finish of its own, for both
  /// numbers of octets go in, and something that says where the second begins, should either be empty.
  @inline(__always)
  func appending(_ first: String, _ second: String) -> KeyDigest {
    let between = absorbing(first)
    return KeyDigest(high: between.high &+ 0xA076_1D64_78BD_642F, low: between.low).absorbing(second).finished
  }

  /// The state after `bytes` and their number.
  @inline(__always)
  private func absorbing(_ bytes: UnsafeRawBufferPointer) -> KeyDigest {
    let count = bytes.count
    let start = KeyDigest(high: high ^ UInt64(truncatingIfNeeded: count), low: low)
    guard count > 0, let base = bytes.baseAddress else { return start }
    guard count >= 16 else {
      let (first, second) = Self.tail(base, count: count)
      return KeyDigest(
        high: Self.fold(first ^ start.high, second ^ 0x8EBC_6AF0_9C88_C6E3),
        low: Self.fold(first ^ 0x5899_65CC_7537_4CC3, second ^ start.low))
    }
    // In steps of 16, the last of which ends where the bytes end, wherever that is.
    let last = base + (count &- 16)
    var state = start
    var next = base
    while next < last {
      state = state.absorbingStep(next)
      next += 16
    }
    return state.absorbingStep(last)
  }

  @inline(__always)
  private func absorbingStep(_ place: UnsafeRawPointer) -> KeyDigest {
    let first = place.loadUnaligned(as: UInt64.self)
    let second = place.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    return KeyDigest(
      high: Self.fold(first ^ high, second ^ 0x9E37_79B9_7F4A_7C15),
      low: Self.fold(first ^ 0xE703_7ED1_A0B4_28DB, second ^ low))
  }

  @inline(__always)
  private func absorbing(_ text: String) -> KeyDigest {
    text.utf8.withContiguousStorageIfAvailable { absorbing(UnsafeRawBufferPointer($0)) } ?? absorbingScattered(text)
  }

  /// For strings that are not contiguous, which come from Objective-C only.
  @inline(never)
  private func absorbingScattered(_ text: String) -> KeyDigest {
    var text = text
    return text.withUTF8 { absorbing(UnsafeRawBufferPointer($0)) }
  }

  /// The digest that stands for the state.
  @inline(__always)
  private var finished: KeyDigest {
    KeyDigest(
      high: Self.fold(high ^ 0x1D8E_4E27_C47D_124F, low | 1),
      low: Self.fold(low ^ 0xEB44_ACCA_B455_D165, high | 1))
  }

  /// The last 0 to 15 bytes as two words.
  @inline(__always)
  private static func tail(_ base: UnsafeRawPointer, count: Int) -> (UInt64, UInt64) {
    if count >= 8 {
      return (
        base.loadUnaligned(as: UInt64.self), base.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
      )
    }
    if count >= 4 {
      return (
        UInt64(base.loadUnaligned(as: UInt32.self)),
        UInt64(base.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
      )
    }
    guard count > 0 else { return (0, 0) }
    let first = UInt64(base.load(as: UInt8.self))
    let middle = UInt64(base.load(fromByteOffset: count / 2, as: UInt8.self))
    let last = UInt64(base.load(fromByteOffset: count - 1, as: UInt8.self))
    return (first << 16 | middle << 8 | last, 0)
  }

  @inline(__always)
  private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}
