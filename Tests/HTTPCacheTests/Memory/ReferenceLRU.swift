//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import HTTPCache

/// The plainest possible LRU, to compare with: an array from the oldest to the youngest.
struct ReferenceLRU {
  private(set) var entries: [(key: Int, weight: Int, reclaimAt: Int64)] = []
  let capacity: Int
  let maximumCount: Int

  var weight: Int { entries.reduce(0) { $0 + $1.weight } }

  mutating func peek(_ key: Int, at now: Int64) -> Bool {
    guard let index = entries.firstIndex(where: { $0.key == key }) else { return false }
    let entry = entries.remove(at: index)
    guard entry.reclaimAt > now else { return false }
    entries.append(entry)
    return true
  }

  mutating func store(_ key: Int, weight: Int, reclaimAt: Int64) {
    entries.removeAll { $0.key == key }
    entries.append((key, weight, reclaimAt))
    while self.weight > capacity || entries.count > maximumCount { entries.removeFirst() }
  }

  mutating func remove(_ key: Int) -> Bool {
    let count = entries.count
    entries.removeAll { $0.key == key }
    return entries.count < count
  }
}
