//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  package import Glibc
#elseif canImport(Musl)
  package import Musl
#elseif canImport(Darwin)
  package import Darwin
#endif

/// A value behind a mutex, both in one allocation. Copies share the value.
///
/// Over `pthread_mutex` rather than `Synchronization.Mutex`: on Linux the latter is a priority-inheritance futex that
/// collapses under contention, and ThreadSanitizer does not see it.
package struct Locked<Value>: @unchecked Sendable {
  // @unchecked: the value is only reached through withLock, which holds the mutex.
  @usableFromInline let storage: Storage

  package init(_ value: consuming Value) {
    // Moved into its place: large values are not copied.
    var source: Value? = value
    let buffer = Storage.create(minimumCapacity: 1) { buffer in
      buffer.withUnsafeMutablePointerToElements { mutex in
        let code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "pthread_mutex_init failed with \(code)")
      }
      return source.take()!
    }
    storage = unsafeDowncast(buffer, to: Storage.self)
  }

  /// The value behind a mutex that has been made before.
  init(sharing storage: Storage) { self.storage = storage }

  @inlinable
  @inline(__always)
  package func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try storage.withUnsafeMutablePointers { value, mutex throws(Failure) in
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      return try body(&value.pointee)
    }
  }

  @usableFromInline
  final class Storage: ManagedBuffer<Value, pthread_mutex_t> {
    deinit {
      _ = withUnsafeMutablePointerToElements { pthread_mutex_destroy($0) }
    }
  }
}
