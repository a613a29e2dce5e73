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

/// Threads of our own, for what must not block the ones that tasks run on.
final class MemcachedThreads: Sendable {
  private struct State {
    var running = 0
    var waiters: [UnsafeContinuation<Void, Never>] = []
  }

  private let state = Locked(State())

  private final class Start {
    let body: @Sendable () -> Void

    init(body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` on a thread of its own.
  ///
  /// - Throws: When the system does not give one.
  func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(CacheConfigurationError) {
    state.withLock { $0.running += 1 }
    let start = Start { [self] in
      body()
      ended()
    }
    // Signals are the program's own threads' business.
    var all = sigset_t()
    var previous = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    let code = Self.create(name, Unmanaged.passRetained(start))
    guard code == 0 else {
      ended()
      throw CacheConfigurationError("no thread could be started: \(String(cString: strerror(code)))")
    }
  }

  private static func create(_ name: String, _ start: Unmanaged<Start>) -> Int32 {
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let code = pthread_create(
      &thread, nil,
      { argument in
        #if canImport(Darwin)
          let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        #else
          let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
        #endif
        start.body()
        return nil
      }, start.toOpaque())
    guard code == 0 else {
      start.release()
      return code
    }
    #if canImport(Darwin)
      if let thread { pthread_detach(thread) }
    #else
      pthread_setname_np(thread, String(name.prefix(15)))
      pthread_detach(thread)
    #endif
    return 0
  }

  private func ended() {
    let waiters = state.withLock { state -> [UnsafeContinuation<Void, Never>] in
      state.running -= 1
      guard state.running == 0 else { return [] }
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Returns when all have ended.
  func end() async {
    await withUnsafeContinuation { continuation in
      let isOver = state.withLock { state in
        if state.running > 0 { state.waiters.append(continuation) }
        return state.running == 0
      }
      if isOver { continuation.resume() }
    }
  }
}
