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

/// One worker's connection to its host: a clone of the template, used by that worker's thread alone.
///
/// A connection on which anything went wrong is never used again: the answer to an abandoned request may still come, and
/// libmemcached would take it for the answer to the next; and it would refuse to connect for whole seconds.
struct MemcachedConnection: ~Copyable {
  /// Something that ends the connection.
  struct Failure: Error {
    let error: MemcachedError
    /// Whether it says something about the host, and not just about the command.
    let isHostFault: Bool
  }

  private let pointer: UnsafeMutablePointer<memcached_st>
  /// Where values are read to: libmemcached fills and reuses its buffer.
  private let result: UnsafeMutablePointer<memcached_result_st>
  private let host: String

  init?(template: MemcachedTemplate, host: String) {
    guard let pointer = template.clone() else { return nil }
    // In memory of our own: one that libmemcached has allocated it frees at the end of every answer.
    let result = UnsafeMutablePointer<memcached_result_st>.allocate(capacity: 1)
    guard memcached_result_create(pointer, result) != nil else {
      result.deallocate()
      memcached_free(pointer)
      return nil
    }
    self.pointer = pointer
    self.result = result
    self.host = host
  }

  deinit {
    // Freeing says "quit" to the server and would wait for a hung one to take it.
    memcached_behavior_set(pointer, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, 0)
    memcached_result_free(result)
    result.deallocate()
    memcached_free(pointer)
  }

  /// Does any command but `get`.
  borrowing func perform(_ command: MemcachedCommand) throws(Failure) -> MemcachedReply {
    switch command {
    case .get(let keys):
      var items = [MemcachedItem?](repeating: nil, count: keys.count)
      try get(keys) { items[$0] = $1 }
      return .items(items)
    case .set(let key, let value, let expiration):
      return .stored(try store(key, value) { memcached_set(pointer, $0, $1, $2, $3, expiration.exptime, value.flags) })
    case .add(let key, let value, let expiration):
      return .stored(try store(key, value) { memcached_add(pointer, $0, $1, $2, $3, expiration.exptime, value.flags) })
    case .compareAndSet(let key, let value, let expiration, let unique):
      return .stored(
        try store(key, value) { memcached_cas(pointer, $0, $1, $2, $3, expiration.exptime, value.flags, unique) })
    case .increment(let key):
      var counter: UInt64 = 0
      let code = key.withCString { memcached_increment(pointer, $0, $1, 1, &counter) }
      if code == MEMCACHED_NOTFOUND { return .counter(nil) }
      guard code == MEMCACHED_SUCCESS else { throw failure(code) }
      return .counter(counter)
    case .delete(let key):
      let code = key.withCString { memcached_delete(pointer, $0, $1, 0) }
      if code == MEMCACHED_NOTFOUND { return .deleted(false) }
      guard code == MEMCACHED_SUCCESS else { throw failure(code) }
      return .deleted(true)
    }
  }

  private borrowing func store(
    _ key: MemcachedKey, _ value: MemcachedValue,
    _ body: (UnsafePointer<CChar>, Int, UnsafePointer<CChar>?, Int) -> memcached_return_t
  ) throws(Failure) -> MemcachedStoreOutcome {
    let code = key.withCString { key, keyCount in
      value.bytes.withUnsafeBytes { buffer in
        buffer.withMemoryRebound(to: CChar.self) { body(key, keyCount, $0.baseAddress, $0.count) }
      }
    }
    switch code {
    case MEMCACHED_SUCCESS, MEMCACHED_STORED: return .stored
    case MEMCACHED_NOTSTORED, MEMCACHED_DATA_EXISTS, MEMCACHED_NOTFOUND: return .notStored
    case MEMCACHED_E2BIG: return .tooLarge
    // What the text protocol and the binary one call it.
    case MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE, MEMCACHED_MEMORY_ALLOCATION_FAILURE: return .outOfMemory
    default: throw failure(code)
    }
  }

  /// Asks for all `keys` at once, and calls `body` with the position and the value of each that is there, as they come.
  borrowing func get(_ keys: [MemcachedKey], _ body: (Int, MemcachedItem) -> Void) throws(Failure) {
    // The keys one after the other, so that C has pointers that stay.
    var text: [CChar] = []
    var lengths: [Int] = []
    text.reserveCapacity(keys.reduce(0) { $0 + $1.bytes.count })
    lengths.reserveCapacity(keys.count)
    for key in keys {
      key.bytes.withUnsafeBytes { buffer in
        buffer.withMemoryRebound(to: CChar.self) { text.append(contentsOf: $0) }
      }
      lengths.append(key.bytes.count)
    }
    let sent = text.withUnsafeBufferPointer { text in
      withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: keys.count) { pointers in
        var next = text.baseAddress!
        for (index, length) in lengths.enumerated() {
          pointers.initializeElement(at: index, to: next)
          next += length
        }
        return memcached_mget(pointer, pointers.baseAddress!, lengths, lengths.count)
      }
    }
    guard sent == MEMCACHED_SUCCESS else { throw failure(sent) }

    var position = 0
    while true {
      var code = MEMCACHED_SUCCESS
      guard memcached_fetch_result(pointer, result, &code) != nil else {
        // When nothing was found, a timeout too is reported as "not found" here; the last error tells them apart.
        let last = memcached_last_error(pointer)
        guard code == MEMCACHED_END || code == MEMCACHED_NOTFOUND || code == MEMCACHED_SUCCESS else {
          throw failure(code)
        }
        guard last == MEMCACHED_SUCCESS || last == MEMCACHED_END || last == MEMCACHED_NOTFOUND else {
          throw failure(last)
        }
        return
      }
      // The server answers in the order of the keys, and leaves out what it does not have.
      while position < keys.count, !isResult(for: keys[position]) { position += 1 }
      guard position < keys.count else {
        throw Failure(
          error: MemcachedError(.protocolViolated, host: host, "answered with a key that it was not asked for"),
          isHostFault: true)
      }
      body(position, takeItem())
      position += 1
    }
  }

  private borrowing func isResult(for key: MemcachedKey) -> Bool {
    let length = memcached_result_key_length(result)
    guard length == key.bytes.count, let name = memcached_result_key_value(result) else { return false }
    return key.withCString { memcmp($0, name, $1) == 0 }
  }

  /// From this size on a value's buffer is taken over instead of copied.
  private static let takesOver = 32 << 10

  private borrowing func takeItem() -> MemcachedItem {
    let count = memcached_result_length(result)
    let flags = memcached_result_flags(result)
    let unique = memcached_result_cas(result)
    let bytes: Bytes
    if count >= Self.takesOver, let memory = memcached_result_take_value(result) {
      bytes = Bytes(owner: MallocMemory(memory), base: memory, count: count)
    } else {
      bytes = Bytes(copying: UnsafeRawBufferPointer(start: memcached_result_value(result), count: count))
    }
    return MemcachedItem(value: MemcachedValue(bytes: bytes, flags: flags), unique: unique)
  }

  private borrowing func failure(_ code: memcached_return_t) -> Failure {
    let (kind, isHostFault): (MemcachedError.Code, Bool) =
      switch code {
      case MEMCACHED_TIMEOUT, MEMCACHED_IN_PROGRESS: (.timedOut, true)
      case MEMCACHED_CLIENT_ERROR: (.refused, false)
      case MEMCACHED_SERVER_ERROR, MEMCACHED_ERROR: (.refused, true)
      case MEMCACHED_PROTOCOL_ERROR, MEMCACHED_UNKNOWN_READ_FAILURE: (.protocolViolated, true)
      default: (.connectionFailed, true)
      }
    // The last error has what the server or the system said.
    var message = text(code)
    if let last = memcached_last_error_message(pointer) { message = String(cString: last) }
    return Failure(error: MemcachedError(kind, host: host, message), isHostFault: isHostFault)
  }
}

/// A buffer that libmemcached has allocated with `malloc` and given away.
private final class MallocMemory: Sendable {
  private let address: UInt

  init(_ memory: UnsafeMutablePointer<CChar>) { address = UInt(bitPattern: memory) }

  deinit { free(UnsafeMutableRawPointer(bitPattern: address)) }
}
