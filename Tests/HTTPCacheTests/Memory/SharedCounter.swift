//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// A number that threads count together.
final class SharedCounter: Sendable {
  private let storage = Atomic(0)

  var value: Int { storage.load(ordering: .sequentiallyConsistent) }

  func add(_ difference: Int) { storage.add(difference, ordering: .sequentiallyConsistent) }
}
