//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What is so far out that an entry's compact form does not hold it.
final class ExactEntryValues: Sendable {
  let times: EntryTimes
  let bodyCount: Int

  init(times: EntryTimes, bodyCount: Int) {
    self.times = times
    self.bodyCount = bodyCount
  }

  static let allocationSize = HeapBlock.byteCount(ofObjectWith: (EntryTimes, Int).self)
}
