//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CMemcached
import HTTPCache

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The threads of a client, so that its end can be waited for.
final class MemcachedThreads: Sendable {
  private let state = Locked((running: 0, isEnding: false))
  /// Comes when ``end()`` has been called and the last thread has ended.
  private let allEnded = OneShot<Void>()

  /// Runs `body` on a thread of its own.
  ///
  /// - Throws: When the system does not give one.
  func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(CacheConfigurationError) {
    state.withLock { $0.running += 1 }
    let code = DetachedThread.start { [self] in
      #if !canImport(Darwin)
        pthread_setname_np(pthread_self(), String(name.prefix(15)))
      #endif
      body()
      ended()
    }
    guard code == 0 else {
      ended()
      throw CacheConfigurationError("no thread could be started: \(String(cString: strerror(code)))")
    }
  }

  private func ended() {
    let isOver = state.withLock { state in
      state.running -= 1
      return state.running == 0 && state.isEnding
    }
    if isOver { allEnded.finish(()) }
  }

  /// Returns when all have ended. None may be started any more.
  func end() async {
    let isOver = state.withLock { state in
      state.isEnding = true
      return state.running == 0
    }
    if isOver { allEnded.finish(()) }
    // In a task of its own: also a caller that was cancelled may rely on the threads being gone.
    await Task { [allEnded] in _ = await allEnded.value() }.value
  }
}
