//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache

/// Connects the nodes of this program, where the store does not: what Redis does for those of several.
final class LocalBackplane: Backplane, @unchecked Sendable {
  // @unchecked: the listeners are only reached under the lock.
  private let lock = NSLock()
  private var listeners: [Int: AsyncStream<BackplaneEvent>.Continuation] = [:]
  private var nextListener = 0

  func publish(_ message: BackplaneMessage) async throws {
    for listener in lock.withLock({ Array(listeners.values) }) { listener.yield(.message(message)) }
  }

  func events() -> AsyncStream<BackplaneEvent> {
    AsyncStream { continuation in
      let id = lock.withLock { () -> Int in
        nextListener += 1
        listeners[nextListener] = continuation
        return nextListener
      }
      continuation.onTermination = { [weak self] _ in
        self?.lock.withLock { _ = self?.listeners.removeValue(forKey: id) }
      }
      // From here on nothing is missed.
      continuation.yield(.joined)
    }
  }
}
