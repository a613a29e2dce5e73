//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The hot keys of a quarter of all keys, minute by minute: the present one in full, the ten before it by their highest.
struct HotKeyMinutes: ~Copyable {
  /// The highest of a minute that is over.
  private struct Closed {
    var top: [(slot: HeavyHitters.Slot, name: String)] = []
    /// The most that any key can have which is not among them.
    var floor: UInt64 = 0
  }

  /// The sums of one key over several minutes.
  struct Sum {
    var name: String
    var value = 0.0
    var lowerBound = 0.0
    var upperBound = 0.0
    var variance = 0.0
  }

  /// How many minutes that are over are remembered.
  private static let closedCount = 10
  /// How many keys are remembered of each.
  private static let topCount = 16
  private static let setCount = 16

  private var minute = Int64.min
  /// When the minute is over, in nanoseconds.
  private var end = Int64.min
  private var requests = Measured()
  private var bytes = Measured()
  private var originTime = Measured()
  private var misses = Measured()

  /// One measure.
  private struct Measured: ~Copyable {
    var current = HeavyHitters(setCount: HotKeyMinutes.setCount)
    /// The latest first.
    var closed: [Closed] = []

    /// Begins another minute.
    ///
    /// - Parameter elapsed: How many minutes later.
    mutating func close(elapsed: Int64) {
      let ranked = current.ranked
      if !ranked.isEmpty { current.removeAll() }
      guard elapsed <= HotKeyMinutes.closedCount else {
        closed = []
        return
      }
      let topCount = HotKeyMinutes.topCount
      let top = ranked.prefix(topCount).filter { $0.slot.isNamed }
      closed.insert(Closed(top: top, floor: ranked.count > topCount ? ranked[topCount].slot.count : 0), at: 0)
      for _ in 1..<max(elapsed, 1) { closed.insert(Closed(), at: 0) }
      closed.removeLast(max(closed.count - HotKeyMinutes.closedCount, 0))
    }

    /// The sums of the keys over the last minutes, of the oldest of which `share` counts.
    func sums(minutes: Int, share: Double) -> [Sum] {
      let current = current.ranked
      let closed = closed.prefix(minutes)
      var sums: [UInt64: Sum] = [:]
      for (slot, name) in current + closed.flatMap(\.top) where slot.isNamed { sums[slot.digest] = Sum(name: name) }
      func add(_ top: [(slot: HeavyHitters.Slot, name: String)], share: Double, floor: (UInt64) -> UInt64) {
        let slots = Dictionary(top.map { ($0.slot.digest, $0.slot) }, uniquingKeysWith: { first, _ in first })
        for digest in sums.keys {
          guard let slot = slots[digest] else {
            sums[digest]?.upperBound += Double(floor(digest))
            continue
          }
          sums[digest]?.value += (Double(slot.count) - Double(slot.error) / 2) * share
          sums[digest]?.variance += Double(slot.variance)
          sums[digest]?.upperBound += Double(slot.count)
          // When in its minute something was counted is not known.
          if share == 1 { sums[digest]?.lowerBound += Double(slot.count - slot.error) }
        }
      }
      add(current, share: 1) { self.current.floor(for: $0) }
      for (position, minute) in closed.enumerated() {
        add(minute.top, share: position == minutes - 1 ? share : 1) { _ in minute.floor }
      }
      return Array(sums.values)
    }

    var byteCount: Int {
      current.byteCount
        + closed.flatMap(\.top).reduce(0) {
          $0 + MemoryLayout<(HeavyHitters.Slot, String)>.stride + HeapBlock.byteCount(of: $1.name)
        }
    }
  }

  /// Goes on to the minute that `now`, in nanoseconds, is in.
  @inline(__always)
  mutating func move(to now: Int64) {
    if now >= end { close(at: now) }
  }

  @inline(never)
  private mutating func close(at now: Int64) {
    let minute = now / HotKeyTable.minute
    let elapsed = self.minute == .min ? .max : minute - self.minute
    self.minute = minute
    end = (minute + 1) * HotKeyTable.minute
    requests.close(elapsed: elapsed)
    bytes.close(elapsed: elapsed)
    originTime.close(elapsed: elapsed)
    misses.close(elapsed: elapsed)
  }

  /// Counts a request in the present minute.
  @inline(__always)
  mutating func add(_ observation: HotKeyTable.Observation, for digest: UInt64, name: () -> String) {
    let weight = observation.weight
    requests.current.add(1, weight: weight, for: digest, name: name)
    if observation.byteCount > 0 {
      bytes.current.add(UInt64(observation.byteCount), weight: weight, for: digest, name: name)
    }
    guard observation.isMiss else { return }
    misses.current.add(1, weight: weight, for: digest, name: name)
    if observation.originMicroseconds > 0 {
      originTime.current.add(observation.originMicroseconds, weight: weight, for: digest, name: name)
    }
  }

  /// The sums of the keys over the last minutes, the oldest of which counts in part.
  ///
  /// - Parameter now: In nanoseconds; not before the latest `move(to:)`.
  func sums(of measure: HotKey.Measure.Kind, minutes: Int, at now: Int64) -> [Sum] {
    let share = min(max(Double(end - now) / Double(HotKeyTable.minute), 0), 1)
    return switch measure {
    case .requests: requests.sums(minutes: minutes, share: share)
    case .bytes: bytes.sums(minutes: minutes, share: share)
    case .originTime: originTime.sums(minutes: minutes, share: share)
    case .misses: misses.sums(minutes: minutes, share: share)
    }
  }

  /// The bytes allocated.
  var byteCount: Int { requests.byteCount + bytes.byteCount + originTime.byteCount + misses.byteCount }
}
