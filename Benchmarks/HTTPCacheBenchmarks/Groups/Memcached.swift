//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CMemcached
import Foundation
import HTTPCache
import HTTPCacheMemcached
import ServerHarness

/// memcached through our threads and queues, beside libmemcached in a loop, on a server of its own.
///
/// The server shares the machine with what is measured: compare with the raw client in the same run, and with nothing else.
enum Memcached {
  static var benchmarks: [Benchmark] {
    guard MemcachedServerProcess.executable != nil else {
      FileHandle.standardError.write(Data("memcached/* left out: no memcached found in PATH\n".utf8))
      return []
    }
    return raw + client + backend
  }

  private static let keyCount = 256

  // MARK: libmemcached as it is

  private static var raw: [Benchmark] {
    [
      Benchmark("memcached/raw_get_1KiB/1", "libmemcached: memcached_get, one after the other") {
        try await rawGets("1024")
      },
      Benchmark("memcached/raw_get_1KiB/16", "libmemcached: memcached_get by one of 16 threads, each with a connection")
      {
        try await rawThreads(16)
      },
      Benchmark(
        "memcached/raw_get_1KiB/128", "libmemcached: memcached_get by one of 128 threads, each with a connection"
      ) {
        try await rawThreads(128)
      },
      Benchmark("memcached/raw_mget_1KiB/16", "libmemcached: one of 16 keys in a memcached_mget and its fetches") {
        try await rawBatches(16)
      },
      Benchmark("memcached/raw_mget_1KiB/128", "libmemcached: one of 128 keys in a memcached_mget and its fetches") {
        try await rawBatches(128)
      },
      Benchmark("memcached/raw_get_1MiB", "libmemcached: memcached_get of a MiB") { try await rawGets("1000000") },
      Benchmark("memcached/raw_set_1KiB", "libmemcached: memcached_set, one after the other") {
        let raw = try await connect()
        let value = [CChar](repeating: 7, count: 1024)
        return .synchronous { count in
          for index in 0..<count {
            let key = name("written", index)
            consume(memcached_set(raw.pointer, key, key.utf8.count, value, value.count, 0, 0))
          }
        }
      },
    ]
  }

  private static func rawThreads(_ count: Int) async throws -> Work {
    let port = try await shared.value().port
    let readers = try (0..<count).map { _ in ReadingThread(try Raw(port: port)) }
    return .synchronous { operations in
      for (index, reader) in readers.enumerated() {
        reader.read(operations / count + (index < operations % count ? 1 : 0))
      }
      for reader in readers { reader.wait() }
    }
  }

  /// A thread that reads when it is told to.
  private final class ReadingThread: Sendable {
    private final class Shared: @unchecked Sendable {
      // @unchecked: the number is handed over by the semaphores.
      let start = DispatchSemaphore(value: 0)
      let end = DispatchSemaphore(value: 0)
      var count: Int? = 0
    }

    private let shared = Shared()

    init(_ raw: Raw) {
      Thread.detachNewThread { [shared] in
        while true {
          shared.start.wait()
          guard let count = shared.count else { return }
          for index in 0..<count { raw.get(name("1024", index % keyCount)) }
          shared.end.signal()
        }
      }
    }

    deinit {
      shared.count = nil
      shared.start.signal()
    }

    func read(_ count: Int) {
      shared.count = count
      shared.start.signal()
    }

    func wait() { shared.end.wait() }
  }

  private static func rawGets(_ kind: String) async throws -> Work {
    let raw = try await connect()
    let names = (0..<keyCount).map { name(kind, $0) }
    return .synchronous { count in
      for index in 0..<count {
        raw.get(names[index % (kind == "1024" ? keyCount : 4)])
      }
    }
  }

  private static func rawBatches(_ size: Int) async throws -> Work {
    let raw = try await connect()
    let names = (0..<keyCount).map { strdup(name("1024", $0)) }
    let lengths = names.map { strlen($0!) }
    nonisolated(unsafe) let pointers = names.map { UnsafePointer($0) }  // Written once, here.
    return .synchronous { count in
      var index = 0
      while index < count {
        let wanted = Array(pointers[..<size])
        memcached_mget(raw.pointer, wanted, lengths, size)
        var code = MEMCACHED_SUCCESS
        while memcached_fetch_result(raw.pointer, raw.result, &code) != nil { index += 1 }
      }
    }
  }

  // MARK: Ours

  private static var client: [Benchmark] {
    let gets = [1, 16, 128].map { callers in
      Benchmark("memcached/get_1KiB/\(callers)", "a get by one of \(callers) tasks") {
        _ = try await connect()
        let client = try await shared.value().client
        return .asynchronous { count in
          try await inTasks(callers, count) { consume(try await client.get(keys[$0 % keyCount])) }
        }
      }
    }
    return gets + [
      Benchmark("memcached/get_1MiB", "a get of a MiB") {
        let client = try await shared.value().client
        return .asynchronous { count in
          try await inTasks(1, count) { consume(try await client.get(largeKeys[$0 % 4])) }
        }
      },
      Benchmark("memcached/set_1KiB", "a set, one after the other") {
        let client = try await shared.value().client
        let value = MemcachedValue(bytes: Bytes([UInt8](repeating: 7, count: 1024)), flags: MemcachedFormat.whole)
        return .asynchronous { count in
          for index in 0..<count { consume(try await client.set(keys[index % keyCount], value, .never)) }
        }
      },
    ]
  }

  private static var backend: [Benchmark] {
    [1, 16, 128].map { callers in
      Benchmark("memcached/lookup_1KiB/\(callers)", "an entry with its invalidations, by one of \(callers) tasks") {
        let backend = try await shared.value().backend
        return .asynchronous { count in
          try await inTasks(callers, count) { index in
            let entry = try await backend.lookup(entryKey(index % keyCount)).entry
            precondition(entry != nil, "an entry is gone")
          }
        }
      }
    }
  }

  private static func inTasks(
    _ callers: Int, _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Void
  ) async throws {
    guard callers > 1 else {
      // Not on the main thread, whose executor takes longer to come back to.
      return try await Task { @concurrent in
        for index in 0..<count { try await body(index) }
      }.value
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<min(callers, count) {
        group.addTask { @concurrent in
          for index in stride(from: caller, to: count, by: callers) { try await body(index) }
        }
      }
      try await group.waitForAll()
    }
  }

  // MARK: The server and what is in it

  /// A server, both clients, and the values that are read.
  private actor Fixture {
    struct Value: Sendable {
      let port: Int
      let client: MemcachedClient
      let backend: MemcachedBackend
    }

    private var made: Task<Value, any Error>?
    private var server: MemcachedServerProcess?

    func value() async throws -> Value {
      if let made { return try await made.value }
      let server = try MemcachedServerProcess(memory: 256)
      self.server = server
      let task = Task { try await Memcached.fill(server.port) }
      made = task
      return try await task.value
    }
  }

  private static let shared = Fixture()
  private static let keySpace = MemcachedKeySpace(namespace: "benchmark")
  private static let keys = (0..<keyCount).map { keySpace.key(.entry, "key \($0)") }
  private static let largeKeys = (0..<4).map { keySpace.key(.entry, "large key \($0)") }

  private static func entryKey(_ index: Int) -> CacheKey {
    CacheKey(scheme: "https", authority: "example.com", target: "/article/\(index)")
  }

  private static func fill(_ port: Int) async throws -> Fixture.Value {
    var configuration = MemcachedConfiguration(hosts: [MemcachedHost("127.0.0.1", port: port)])
    configuration.timeout = .seconds(5)
    configuration.responseTimeout = .seconds(5)
    let client = try MemcachedClient(configuration: configuration)
    let backend = try MemcachedBackend(configuration: configuration)
    let small = MemcachedValue(bytes: Bytes([UInt8](repeating: 7, count: 1024)), flags: MemcachedFormat.whole)
    let large = MemcachedValue(bytes: Bytes([UInt8](repeating: 7, count: 1_000_000)), flags: MemcachedFormat.whole)
    for key in keys { _ = try await client.set(key, small, .never) }
    for key in largeKeys { _ = try await client.set(key, large, .never) }
    let response = Samples.response(1024)
    for index in 0..<keyCount {
      let now = CacheClock.system.now
      let end = now.advanced(by: .seconds(86400))
      let entry = CacheEntry(
        key: entryKey(index), status: 200, fields: response.fields, body: small.bytes,
        times: EntryTimes(
          birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end, staleIfErrorUntil: end,
          reclaimAt: end))
      let stamp = try await backend.lookup(entry.key).stamp
      _ = try await backend.store(entry, stamp: stamp)
    }
    let raw = try Raw(port: port)
    for (kind, count, size) in [("1024", keyCount, 1024), ("1000000", 4, 1_000_000)] {
      let value = [CChar](repeating: 7, count: size)
      for index in 0..<count {
        let key = name(kind, index)
        _ = memcached_set(raw.pointer, key, key.utf8.count, value, size, 0, 0)
      }
    }
    return Fixture.Value(port: port, client: client, backend: backend)
  }

  /// As long as the keys that ours asks for.
  private static func name(_ kind: String, _ index: Int) -> String {
    String("benchmark:raw:\(kind):\(index):00000000000000000000000000000000000".prefix(44))
  }

  private static func connect() async throws -> Raw { try Raw(port: try await shared.value().port) }

  /// libmemcached's own client, used by one thread at a time.
  private final class Raw: @unchecked Sendable {
    // @unchecked: the benchmarks use it from one task, and from the next when that has ended.
    let pointer: UnsafeMutablePointer<memcached_st>
    let result: UnsafeMutablePointer<memcached_result_st>

    init(port: Int) throws {
      guard let pointer = memcached_create(nil) else { throw CocoaError(.featureUnsupported) }
      self.pointer = pointer
      memcached_behavior_set(pointer, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1)
      memcached_server_add(pointer, "127.0.0.1", in_port_t(port))
      result = .allocate(capacity: 1)
      memcached_result_create(pointer, result)
    }

    func get(_ key: String) {
      var length = 0
      var flags: UInt32 = 0
      var code = MEMCACHED_SUCCESS
      let value = memcached_get(pointer, key, key.utf8.count, &length, &flags, &code)
      precondition(value != nil, "a value is gone")
      free(value)
    }

    deinit {
      memcached_result_free(result)
      result.deallocate()
      memcached_free(pointer)
    }
  }
}
