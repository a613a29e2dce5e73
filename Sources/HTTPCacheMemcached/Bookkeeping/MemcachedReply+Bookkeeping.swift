//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

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
