//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The invalidations that one host keeps: a counter that numbers them, a ledger of those that may concern any entry, and
/// marks for tags and single keys.
///
/// Every host has its own, so that a lookup has them in the same round trip as the entry, and so that a host that is down
/// costs nobody but its own entries. The server may evict any of it: then nothing that depends on it is valid, and it is
/// begun anew in a way that revives nothing. Three rules see to that:
///
///  - The counter is begun with the time in microseconds: higher than it has ever been. An entry with a number higher than
///    the counter's is of another time, and void.
///  - A ledger that is missing is begun by invalidating everything.
///  - A mark that is missing voids what needs it. It is begun with the number of the entry that is being stored, if nothing
///    at all has been invalidated on the host since that was asked for, and else with the counter's, which voids that entry.
struct MemcachedHostLog: Sendable {
  /// The counter and the ledger as they were at one moment.
  struct View: Sendable {
    var counter: UInt64
    var ledger: InvalidationLedger
  }

  let client: MemcachedClient
  let host: Int
  let clock: CacheClock
  let counterKey: MemcachedKey
  let ledgerKey: MemcachedKey
  /// The ledger as it was last read: it rarely changes, and every lookup needs it.
  private let lastLedger = Locked<(bytes: Bytes, ledger: InvalidationLedger)?>(nil)
  /// What begins them at the moment.
  private let beginning = Locked<Task<View, any Error>?>(nil)

  init(client: MemcachedClient, host: Int, keys: MemcachedKeySpace, clock: CacheClock) {
    self.client = client
    self.host = host
    self.clock = clock
    // The same on every host: each keeps its own under it.
    counterKey = keys.sharedKey(.clock)
    ledgerKey = keys.sharedKey(.ledger)
  }

  /// How often a write that others have come before is tried again.
  private static let attempts = 32

  // MARK: The counter and the ledger

  /// What the host says in `items`, the values of `counterKey` and `ledgerKey`; begun anew if it does not.
  func view(_ counter: MemcachedItem?, _ ledger: MemcachedItem?) async throws -> View {
    if let counter = counter.flatMap(Self.number), let ledger = ledger.flatMap({ read($0.value.bytes) }) {
      return View(counter: counter, ledger: ledger)
    }
    return try await begin()
  }

  private func read(_ bytes: Bytes) -> InvalidationLedger? {
    if let last = lastLedger.withLock({ $0 }), last.bytes == bytes { return last.ledger }
    guard let ledger = InvalidationLedger(bytes) else { return nil }
    lastLedger.withLock { $0 = (bytes, ledger) }
    return ledger
  }

  /// Begins them. When a server was restarted everybody finds nothing at the same time: one begins, and the others look at
  /// what has come of it, each for himself, because what was invalidated meanwhile must not be missing.
  private func begin() async throws -> View {
    let (task, isOwn) = beginning.withLock { current -> (Task<View, any Error>, Bool) in
      if let current { return (current, false) }
      let task = Task { try await beginAlone() }
      current = task
      return (task, true)
    }
    guard isOwn else {
      _ = await task.result
      return try await beginAlone()
    }
    defer { beginning.withLock { $0 = nil } }
    return try await task.value
  }

  private func beginAlone() async throws -> View {
    for _ in 0..<Self.attempts {
      let items = try await client.get([counterKey, ledgerKey], from: host)
      var begun: UInt64?
      guard let counter = items[0].flatMap(Self.number) else {
        begun = UInt64(max(0, CacheClock.system.unixTime.milliseconds)) * 1000 + UInt64.random(in: 0..<1000)
        let value = MemcachedValue(bytes: Bytes(String(begun ?? 0)), flags: MemcachedFormat.counter)
        try await put(value, counterKey, over: items[0])
        continue
      }
      if let ledger = items[1].flatMap({ InvalidationLedger($0.value.bytes) }) {
        return View(counter: counter, ledger: ledger)
      }
      guard let number = try await client.increment(counterKey, at: host) else { continue }
      try await put(Self.value(InvalidationLedger(hard: number)), ledgerKey, over: items[1])
    }
    throw gaveUp
  }

  /// The number of a new invalidation.
  func next() async throws -> UInt64 {
    for _ in 0..<Self.attempts {
      if let number = try await client.increment(counterKey, at: host) { return number }
      _ = try await begin()
    }
    throw gaveUp
  }

  /// Changes the ledger.
  func changeLedger(_ change: (inout InvalidationLedger) -> Void) async throws {
    for _ in 0..<Self.attempts {
      let item = try await client.get([ledgerKey], from: host)[0]
      guard let item, var ledger = InvalidationLedger(item.value.bytes) else {
        _ = try await begin()
        continue
      }
      change(&ledger)
      if try await put(Self.value(ledger), ledgerKey, over: item) { return }
    }
    throw gaveUp
  }

  // MARK: Marks

  /// What a mark's item says, if it can be of the time that the counter is of.
  static func mark(_ item: MemcachedItem?, counter: UInt64) -> InvalidationMark? {
    guard let item, let mark = InvalidationMark(item.value.bytes.description), mark.last <= counter else { return nil }
    return mark
  }

  /// Enters an invalidation in a mark.
  func raise(_ key: MemcachedKey, _ number: UInt64, _ mode: CacheInvalidation.Mode, at moment: UnixTime) async throws {
    for _ in 0..<Self.attempts {
      let item = try await client.get([key], from: host)[0]
      // Others may be ahead by as many as are under way. When nothing is known, all that is older counts as void.
      var mark = Self.mark(item, counter: number + (1 << 20)) ?? InvalidationMark(hard: number)
      mark.add(number, mode, at: moment)
      if try await put(Self.value(mark), key, over: item) { return }
    }
    throw gaveUp
  }

  /// Begins the marks that an entry needs and that are missing.
  ///
  /// - Parameter stamp: The number of the entry.
  /// - Returns: What the marks mean for the entry.
  func begin(_ missing: [MemcachedKey], for stamp: UInt64) async throws -> RemoteVerdict {
    for key in missing {
      let item = try await client.get([key], from: host)[0]
      // When somebody else has been quicker, what he has written is read below.
      try await put(Self.value(InvalidationMark(hard: stamp)), key, over: item)
    }
    // Whoever invalidates takes a number first, and looks for marks then: with the number unchanged, he will find these.
    let items = try await client.get([counterKey] + missing, from: host)
    guard let counter = items[0].flatMap(Self.number) else { return .void }
    guard counter == stamp else {
      for key in missing { try await raise(key, counter, .hard, at: clock.unixTime) }
      return .void
    }
    return items.dropFirst().reduce(.valid) { verdict, item in
      verdict.and(Self.mark(item, counter: counter)?.verdict(since: stamp) ?? .void)
    }
  }

  // MARK: Writing

  private static func value(_ mark: InvalidationMark) -> MemcachedValue {
    MemcachedValue(bytes: Bytes(mark.text), flags: MemcachedFormat.mark)
  }

  private static func value(_ ledger: InvalidationLedger) -> MemcachedValue {
    MemcachedValue(bytes: Bytes(ledger.text), flags: MemcachedFormat.mark)
  }

  static func number(_ item: MemcachedItem) -> UInt64? {
    // The server may leave spaces behind a number that was longer.
    let bytes = item.value.bytes
    guard let last = bytes.lastIndex(where: { $0 != 0x20 }) else { return nil }
    var number: UInt64 = 0
    for byte in bytes[...last] {
      let (product, overflow) = number.multipliedReportingOverflow(by: 10)
      guard (0x30...0x39).contains(byte), !overflow else { return nil }
      let (sum, isTooLarge) = product.addingReportingOverflow(UInt64(byte - 0x30))
      guard !isTooLarge else { return nil }
      number = sum
    }
    return number
  }

  /// Writes over exactly what was found.
  ///
  /// - Returns: Whether it was still there.
  @discardableResult
  private func put(_ value: MemcachedValue, _ key: MemcachedKey, over item: MemcachedItem?) async throws -> Bool {
    let outcome =
      if let item {
        try await client.compareAndSet(key, value, .never, unique: item.unique, at: host)
      } else {
        try await client.add(key, value, .never, at: host)
      }
    switch outcome {
    case .stored: return true
    case .notStored: return false
    case .tooLarge, .outOfMemory:
      // Nothing is as good: what needs it is void.
      try await client.delete(key, at: host)
      throw MemcachedError(.refused, host: client.hostName(host), "has no memory left")
    }
  }

  private var gaveUp: MemcachedError {
    MemcachedError(.refused, host: client.hostName(host), "loses what is written, or others write it all the time")
  }
}
