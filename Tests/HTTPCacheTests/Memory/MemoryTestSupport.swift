//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Counts how many of the objects made with it are still there.
final class LifeCounter: Sendable {
  private let alive = SharedCounter()

  var count: Int { alive.value }

  /// Stands in for a body's memory; dies with it.
  final class Token: SizedMemory, Sendable {
    private let counter: SharedCounter
    let byteCount: Int

    init(_ counter: SharedCounter, byteCount: Int) {
      self.counter = counter
      self.byteCount = byteCount
      counter.add(1)
    }

    deinit { counter.add(-1) }
  }

  /// A body of `count` bytes (never read) that counts as one object.
  func body(count: Int) -> Bytes {
    // The address is never dereferenced: no test reads such a body.
    Bytes(owner: Token(alive, byteCount: count), base: UnsafeRawPointer(bitPattern: 4096)!, count: count)
  }
}

enum EntrySample {
  static func key(_ number: Int) -> CacheKey {
    CacheKey(scheme: "https", authority: "example.test", target: "/resources/\(number)")
  }

  /// An entry that weighs `weight` bytes, or as little as one can.
  static func entry(
    _ number: Int, weight: Int = 0, reclaimAt: CacheInstant = .distantFuture, counter: LifeCounter? = nil
  ) -> CacheEntry {
    let moment = CacheInstant(nanoseconds: 0)
    func make(_ body: Bytes) -> CacheEntry {
      CacheEntry(
        key: key(number), status: 200, fields: HeaderFields(), body: body,
        times: EntryTimes(
          birth: moment, receivedAt: moment, freshUntil: reclaimAt, staleWhileRevalidateUntil: reclaimAt,
          staleIfErrorUntil: reclaimAt, reclaimAt: reclaimAt))
    }
    let count = max(0, weight - make(Bytes()).weight)
    return make(counter?.body(count: count) ?? LifeCounter().body(count: count))
  }
}

extension CachePeek {
  var entry: CacheEntry? { if case .found(let entry) = self { entry } else { nil } }
}

extension CacheInstant {
  static func seconds(_ seconds: Int) -> CacheInstant { CacheInstant(nanoseconds: Int64(seconds) * 1_000_000_000) }
}
