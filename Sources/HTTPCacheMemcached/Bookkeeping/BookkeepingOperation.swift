//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// An operation on what a host knows of invalidations, round trip by round trip. Pure: it says what to ask the host for, and is
/// told the replies.
protocol BookkeepingOperation {
  associatedtype Result

  /// The keys that are being written. When there is no memory for a value, none is as good: what needs it is void then.
  var written: [MemcachedKey] { get }

  /// Goes on.
  ///
  /// - Parameter replies: The replies to what was asked for last; none at the beginning, and after ``BookkeepingStep/begin(above:)``.
  mutating func advance(_ replies: [MemcachedReply]) throws(BookkeepingError) -> BookkeepingStep<Result>
}

/// The next step of an operation.
enum BookkeepingStep<Result> {
  /// Carry out these commands, in their order and in one round trip, and go on with the replies.
  case ask([MemcachedCommand])
  /// The counter or the ledger is missing, unreadable or too low: begin it above this number, and go on.
  case begin(above: UInt64)
  case done(Result)
}

/// An operation cannot be completed.
enum BookkeepingError: Error, Hashable {
  /// The host has no memory for what was to be written.
  case outOfMemory
  /// Others write all the time, or what was written is lost again and again.
  case contended
  /// A reply is not one that the command can have.
  case mismatch
}

/// The keys of a host's counter and ledger, and how they are written.
struct BookkeepingKeys: Sendable {
  /// The same on every host: each keeps its own under it.
  let counter: MemcachedKey
  let ledger: MemcachedKey
  init(_ keys: MemcachedKeySpace) {
    counter = keys.sharedKey(.clock)
    ledger = keys.sharedKey(.ledger)
  }
}

extension MemcachedKey {
  /// The same key, asked for in its place. (Shared keys are asked for before all others.)
  var unshared: MemcachedKey {
    var key = self
    key.isShared = false
    return key
  }
}

extension MemcachedValue {
  init(_ mark: MemcachedMark) { self.init(bytes: Bytes(mark.text), flags: MemcachedFormat.mark) }
  init(_ ledger: InvalidationLedger) { self.init(bytes: Bytes(ledger.text), flags: MemcachedFormat.mark) }
  init(counter: UInt64) { self.init(bytes: Bytes(String(counter)), flags: MemcachedFormat.counter) }
}

extension MemcachedMark {
  /// Reads a mark.
  init?(_ item: MemcachedItem?) {
    guard let item, item.value.flags == MemcachedFormat.mark, item.value.bytes.count <= 512 else { return nil }
    self.init(item.value.bytes.description)
  }
}

extension InvalidationLedger {
  /// Reads a ledger.
  init?(_ item: MemcachedItem?) {
    guard let item, item.value.flags == MemcachedFormat.mark else { return nil }
    self.init(item.value.bytes)
  }
}

extension MemcachedCommand {
  /// Writes over exactly what was found; `.stored(.notStored)` when that is not there any more.
  static func put(_ value: MemcachedValue, _ key: MemcachedKey, over item: MemcachedItem?) -> MemcachedCommand {
    item.map { .compareAndSet(key, value, .never, unique: $0.unique) } ?? .add(key, value, .never)
  }
}

extension [MemcachedReply] {
  /// The items of the reply at this place.
  func items(at index: Int, count: Int) throws(BookkeepingError) -> [MemcachedItem?] {
    guard indices.contains(index), case .items(let items) = self[index], items.count == count else { throw .mismatch }
    return items
  }

  /// Whether the write whose reply is at this place has been done.
  func isStored(at index: Int) throws(BookkeepingError) -> Bool {
    guard indices.contains(index), case .stored(let outcome) = self[index] else { throw .mismatch }
    switch outcome {
    case .stored: return true
    case .notStored: return false
    case .tooLarge, .outOfMemory: throw .outOfMemory
    }
  }

  /// The counter in the reply at this place; nil when it is missing or unreadable.
  func counter(at index: Int) throws(BookkeepingError) -> UInt64? {
    guard indices.contains(index), case .counter(let counter) = self[index] else { throw .mismatch }
    return counter.flatMap { $0 < MemcachedNumber.limit ? $0 : nil }
  }
}
