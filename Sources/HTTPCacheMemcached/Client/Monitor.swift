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

/// A value behind a mutex, and a condition to wait for while holding it: what threads hand each other work with.
///
/// `Locked` has no condition, and its users are tasks, which must not wait for one.
final class Monitor<Value>: @unchecked Sendable {
  // @unchecked: `value` is only reached with the mutex held.
  private var value: Value
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init(_ value: Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    #if canImport(Darwin)
      pthread_cond_init(condition, nil)
    #else
      var attributes = pthread_condattr_t()
      pthread_condattr_init(&attributes)
      pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      pthread_cond_init(condition, &attributes)
      pthread_condattr_destroy(&attributes)
    #endif
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }

  /// Calls `body` until it returns something, each time after somebody has signalled.
  ///
  /// The value is at rest while this waits: `isIdle` is called before and after, with whether the thread waits.
  func wait<Result>(_ isIdle: (inout Value, Bool) -> Void, until body: (inout Value) -> Result?) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&value) { return result }
      isIdle(&value, true)
      pthread_cond_wait(condition, mutex)
      isIdle(&value, false)
    }
  }

  /// Waits once, if `isNeeded`, until somebody signals or `nanoseconds` have passed. May also return for no reason.
  func wait(nanoseconds: Int64, if isNeeded: (inout Value) -> Bool) {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard nanoseconds > 0, isNeeded(&value) else { return }
    var time = timespec()
    #if canImport(Darwin)
      time.tv_sec = Int(nanoseconds / 1_000_000_000)
      time.tv_nsec = Int(nanoseconds % 1_000_000_000)
      pthread_cond_timedwait_relative_np(condition, mutex, &time)
    #else
      clock_gettime(CLOCK_MONOTONIC, &time)
      let fraction = Int64(time.tv_nsec) + nanoseconds % 1_000_000_000
      time.tv_sec += Int(nanoseconds / 1_000_000_000 + fraction / 1_000_000_000)
      time.tv_nsec = Int(fraction % 1_000_000_000)
      pthread_cond_timedwait(condition, mutex, &time)
    #endif
  }

  /// Wakes one who waits.
  func signal() { pthread_cond_signal(condition) }

  /// Wakes all who wait.
  func broadcast() { pthread_cond_broadcast(condition) }
}
