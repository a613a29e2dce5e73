//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache
internal import Synchronization

/// The keys whose values are known to be large, and those among them that rest because their values did not arrive in time.
///
/// A large value is asked for on a connection of its own. One that rests is not asked for at all. The number of keys is
/// bounded; a forgotten key costs one look at the beginning of its value, and perhaps another wait for the whole.
final class LargeValues: Sendable {
  enum Expectation: Equatable, Sendable {
    /// Nothing is known: the value is probably small.
    case none
    case large
    /// The value did not arrive in time a moment ago.
    case rests
  }

  /// The number of keys that are remembered. Beyond it the one that was noted first is forgotten.
  static let limit = 4096

  /// From how many bytes on a value is large.
  let threshold: Int
  /// How long a key rests, in nanoseconds.
  private let rest: Int64
  /// For each key, by its digest: until when it rests, by the monotonic clock.
  private let keys = Locked(BoundedMap<Int, Int64>(maximumCount: limit))
  /// Saves taking the lock where there are no large values.
  private let isEmpty = Atomic<Bool>(true)

  init(threshold: Int, rest: Duration) {
    self.threshold = threshold
    self.rest = rest.inNanoseconds
  }

  /// The number of keys that are remembered.
  var count: Int { keys.withLock { $0.count } }

  func expectation(for key: RedisCommand.Argument, now: Int64) -> Expectation {
    guard !isEmpty.load(ordering: .relaxed) else { return .none }
    let digest = Self.digest(key)
    guard let end = keys.withLock({ $0[digest] }) else { return .none }
    return now < end ? .rests : .large
  }

  /// Notes the size of a value that has been received or stored.
  func note(_ key: RedisCommand.Argument, byteCount: Int) {
    guard byteCount >= threshold || !isEmpty.load(ordering: .relaxed) else { return }
    let digest = Self.digest(key)
    keys.withLock { keys in
      if byteCount >= threshold { keys.append(.min, for: digest) } else { keys.remove(digest) }
      isEmpty.store(keys.isEmpty, ordering: .relaxed)
    }
  }

  /// Notes that a value did not arrive in time.
  func rest(_ key: RedisCommand.Argument, now: Int64) {
    let digest = Self.digest(key)
    keys.withLock { keys in
      keys.append(now + rest, for: digest)
      isEmpty.store(false, ordering: .relaxed)
    }
  }

  /// A digest with a seed of this process, so that nobody can choose keys that are taken for each other.
  private static func digest(_ key: RedisCommand.Argument) -> Int {
    key.withUnsafeBytes { bytes in
      var hasher = Hasher()
      hasher.combine(bytes: bytes)
      return hasher.finalize()
    }
  }
}
