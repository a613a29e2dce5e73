//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A thread that nobody waits for.
package enum DetachedThread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs `body` on a thread of its own.
  ///
  /// - Parameter takesSignals: Whether signals of the process may be delivered to the thread. Not unless asked for: they would
  ///   interrupt its calls.
  /// - Returns: Zero, or the error number if the system has no thread.
  package static func start(takesSignals: Bool = false, _ body: @escaping @Sendable () -> Void) -> CInt {
    // The thread inherits the mask, so that there is no moment in which it could be interrupted.
    var all = sigset_t()
    var previous = sigset_t()
    sigfillset(&all)
    if !takesSignals { pthread_sigmask(SIG_SETMASK, &all, &previous) }
    defer { if !takesSignals { pthread_sigmask(SIG_SETMASK, &previous, nil) } }
    let argument = Unmanaged.passRetained(Body(body)).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let code = pthread_create(&thread, nil, entry, argument)
    guard code == 0 else {
      Unmanaged<Body>.fromOpaque(argument).release()
      return code
    }
    #if canImport(Darwin)
      if let thread { pthread_detach(thread) }
    #else
      pthread_detach(thread)
    #endif
    return 0
  }

  #if canImport(Darwin)
    private static let entry: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = { argument in
      Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
      return nil
    }
  #else
    private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
      if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
      return nil
    }
  #endif
}
