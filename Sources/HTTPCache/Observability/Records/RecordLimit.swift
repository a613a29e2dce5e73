//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// The part of the keys that is recorded: those with digests below a limit. In memory of its own, so that a hit reads it
/// without counting references.
struct RecordLimit: @unchecked Sendable {
  // @unchecked: points to nothing but an atomic, which is freed by the RequestRecorder that made this.
  private let cell: UnsafeMutablePointer<Atomic<UInt64>>

  init() {
    cell = .allocate(capacity: 1)
    cell.initialize(to: Atomic(0))
  }

  /// Frees the memory. Nobody else may be using it.
  func destroy() {
    cell.deinitialize(count: 1)
    cell.deallocate()
  }

  func set(_ limit: UInt64) { cell.pointee.store(limit, ordering: .relaxed) }

  /// Whether requests for a key are recorded.
  @inline(__always)
  func includes(_ digest: KeyDigest) -> Bool { digest.high < cell.pointee.load(ordering: .relaxed) }
}
