//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// The flights that are under way, by key.
///
/// Each part has a lock of its own, held while a few words are compared. That, and not the actor, is what a miss goes
/// through: it changes no executor before its handler is called.
final class FlightTable: Sendable {
  private struct Part {
    /// The low halves of the keys' digests, and the flights, side by side.
    var hashes: [UInt64] = []
    var flights: [Flight] = []
    /// How many flights have ended here.
    var endedCount = 0
    /// The last of them: the low halves of the keys' digests, and each one's number among all. The oldest is overwritten.
    var ended: [(hash: UInt64, number: UInt64)] = []

    func position(of key: CacheKey) -> Int? {
      for position in hashes.indices where hashes[position] == key.digest.low {
        if flights[position].isFound(by: key) { return position }
      }
      return nil
    }

    /// Where the flight is that is found by the same key as `flight`.
    func position(like flight: Flight) -> Int? {
      hashes.contains(flight.digest.low) ? position(of: flight.key) : nil
    }

    func position(of flight: Flight) -> Int? { flights.firstIndex { $0 === flight } }

    mutating func remove(at position: Int, number: UInt64) {
      let last = (hashes[position], number)
      if ended.count < FlightTable.rememberedCount {
        ended.append(last)
      } else {
        ended[endedCount % FlightTable.rememberedCount] = last
      }
      if position < hashes.count - 1 {
        hashes.swapAt(position, hashes.count - 1)
        flights.swapAt(position, flights.count - 1)
      }
      hashes.removeLast()
      flights.removeLast()
      endedCount += 1
    }
  }

  private static let partCount = 8
  private static let rememberedCount = 16
  private let parts: [Locked<Part>]
  private let totalCount = Atomic<UInt64>(0)

  init() {
    parts = (0..<Self.partCount).map { _ in Locked(Part()) }
  }

  private func part(of digest: KeyDigest) -> Locked<Part> {
    parts[Int(truncatingIfNeeded: digest.high >> 32) & (Self.partCount - 1)]
  }

  /// The flight for `key`; and if there is none, how many have ended in its part of the table so far.
  func flight(for key: CacheKey) -> (flight: Flight?, endedCount: Int) {
    part(of: key.digest).withLock { part in (part.position(of: key).map { part.flights[$0] }, part.endedCount) }
  }

  /// Adds a flight, in the place of one that takes nobody any more.
  ///
  /// - Parameters:
  ///   - previous: The flight that was found there.
  ///   - endedCount: What `flight(for:)` said. A flight that has ended since may have stored what was looked for before.
  /// - Returns: False when the table is no longer as it was found.
  func insert(_ flight: Flight, replacing previous: Flight?, endedCount: Int) -> Bool {
    part(of: flight.digest).withLock { part in
      guard part.endedCount == endedCount else { return false }
      if let position = part.position(like: flight) {
        guard part.flights[position] === previous else { return false }
        part.flights[position].giveWay(to: flight)
      }
      part.hashes.append(flight.digest.low)
      part.flights.append(flight)
      return true
    }
  }

  /// Adds a flight that no request finds: so that an invalidation does.
  func add(_ flight: Flight) {
    part(of: flight.digest).withLock { part in
      part.hashes.append(flight.digest.low)
      part.flights.append(flight)
    }
  }

  /// Takes out a flight, if it is there.
  func remove(_ flight: Flight) {
    part(of: flight.digest).withLock { part in
      if let position = part.position(of: flight) { part.remove(at: position, number: nextNumber()) }
    }
  }

  // MARK: Ended flights

  /// How many flights have ended. To be asked before the store is.
  var endedCount: UInt64 { totalCount.load(ordering: .acquiring) }

  /// Whether a flight for `key` has ended since there had been so many, or may have: only the last are remembered.
  func hasEnded(_ key: CacheKey, since endedCount: UInt64) -> Bool {
    part(of: key.digest).withLock { part in
      if part.ended.contains(where: { $0.hash == key.digest.low && $0.number > endedCount }) { return true }
      return part.ended.count == Self.rememberedCount && part.ended.allSatisfy { $0.number > endedCount }
    }
  }

  private func nextNumber() -> UInt64 { totalCount.add(1, ordering: .acquiringAndReleasing).newValue }

  /// All flights, each part as it is when it is looked at.
  var all: [Flight] { parts.flatMap { part in part.withLock { $0.flights } } }

  var isEmpty: Bool { all.isEmpty }
}
