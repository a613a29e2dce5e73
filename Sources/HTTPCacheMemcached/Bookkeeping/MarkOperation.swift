//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Enters an invalidation of tags, or of a single key, in the marks of a host: two round trips when nobody else is at it.
///
/// The first takes a number and reads the marks, the second writes those that the number has to be entered in. A mark that has
/// it already, or what makes up for it, is left alone: of many who invalidate the same at once one writes, and the others find
/// what he has written. The reading may come before or after anybody else's writing, because a mark is written only over
/// exactly what was read.
///
/// The slot of a single key is changed (or read, for who makes an entry stale) after its mark has been written, or read with
/// what makes up for it, in the same round trip. A store looks at the mark after the slot, and writes only over what it has
/// seen there. So if it comes before the change, the change wins; if it comes after, it finds the mark.
struct MarkOperation: BookkeepingOperation {
  /// The slot of a single key, and what is done with it.
  enum Slot {
    case none
    /// A mark that the entry was removed is left in its place.
    case bury(MemcachedKey, MemcachedExpiration)
    /// The slot is read.
    case read(MemcachedKey)

    fileprivate var key: MemcachedKey? {
      switch self {
      case .none: nil
      case .bury(let key, _), .read(let key): key
      }
    }
  }

  struct Result {
    let number: UInt64
    /// The item in the slot: before, or, when it was read, afterwards.
    var slotItem: MemcachedItem?
  }

  private enum Phase {
    case start
    case numbered
    /// Marks were written. The slot's command came after them.
    case written
    /// Marks were read again. The slot's command came after that.
    case readAgain
    /// Nothing but the slot's command.
    case last
  }

  private let keys: BookkeepingKeys
  private let mode: CacheInvalidation.Mode
  private let moment: UnixTime
  private let slot: Slot
  /// The marks that do not have the number yet.
  private var marks: [MemcachedKey]
  private var phase = Phase.start
  private var attempts = 0
  private var result = Result(number: 0)

  init(
    _ marks: [MemcachedKey], _ mode: CacheInvalidation.Mode, at moment: UnixTime, slot: Slot = .none,
    _ keys: BookkeepingKeys
  ) {
    self.keys = keys
    self.marks = marks
    self.mode = mode
    self.moment = moment
    self.slot = slot
  }

  var written: [MemcachedKey] { marks + (slot.key.map { [$0] } ?? []) }

  private var slotCommands: [MemcachedCommand] {
    switch slot {
    case .none: []
    case .bury(let key, let expiration):
      [.set(key, MemcachedValue(bytes: Bytes(String(result.number)), flags: MemcachedFormat.tombstone), expiration)]
    case .read(let key): [.get([key])]
    }
  }

  mutating func advance(_ replies: [MemcachedReply]) throws(BookkeepingError) -> BookkeepingStep<Result> {
    attempts += 1
    guard attempts <= Self.maximumAttempts else { throw .contended }
    switch phase {
    case .start:
      phase = .numbered
      return .ask([.increment(keys.counter), .get(marks + (slot.key.map { [$0] } ?? []))])
    case .numbered:
      guard let number = try replies.counter(at: 0) else {
        phase = .start
        return .begin(above: 0)
      }
      var items = try replies.items(at: 1, count: marks.count + (slot.key == nil ? 0 : 1))
      if slot.key != nil { result.slotItem = items.removeLast() }
      result = Result(number: number, slotItem: result.slotItem)
      return write(items)
    case .written:
      var rest: [MemcachedKey] = []
      for (index, mark) in marks.enumerated() where try !replies.isStored(at: index) { rest.append(mark) }
      let isOver = rest.isEmpty
      try readSlot(replies, at: marks.count)
      marks = rest
      guard !isOver else { return .done(result) }
      phase = .readAgain
      return .ask([.get(marks)] + slotCommands)
    case .readAgain:
      let items = try replies.items(at: 0, count: marks.count)
      try readSlot(replies, at: 1)
      return write(items, slotIsDone: true)
    case .last:
      try readSlot(replies, at: 0)
      return .done(result)
    }
  }

  /// Writes the marks that do not have the number.
  ///
  /// - Parameter slotIsDone: The slot's command came after the marks had been read.
  private mutating func write(
    _ items: [MemcachedItem?], slotIsDone: Bool = false
  ) -> BookkeepingStep<Result> {
    var rest: [MemcachedKey] = []
    var commands: [MemcachedCommand] = []
    for (key, item) in zip(marks, items) {
      // When nothing is known, all that is older counts as void.
      let found = MemcachedMark(item).flatMap { $0.last <= result.number + MemcachedNumber.reach ? $0 : nil }
      guard found?.covers(result.number, mode, at: moment) != true else { continue }
      var mark = found ?? MemcachedMark(hard: result.number)
      mark.add(result.number, mode, at: moment)
      commands.append(.put(MemcachedValue(mark), key, over: item))
      rest.append(key)
    }
    marks = rest
    if commands.isEmpty {
      guard !slotIsDone, slot.key != nil else { return .done(result) }
      phase = .last
      return .ask(slotCommands)
    }
    phase = .written
    return .ask(commands + slotCommands)
  }

  private mutating func readSlot(_ replies: [MemcachedReply], at index: Int) throws(BookkeepingError) {
    switch slot {
    case .none: break
    case .bury: guard try replies.isStored(at: index) else { throw .mismatch }
    case .read: result.slotItem = try replies.items(at: index, count: 1)[0]
    }
  }
}
