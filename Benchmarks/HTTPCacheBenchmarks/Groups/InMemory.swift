//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The in-memory backend by itself.
enum InMemory {
  private static let sizes = [(256, "256B"), (1024, "1KiB"), (64 << 10, "64KiB")]

  static let benchmarks =
    sizes.flatMap { size, name in
      [
        Benchmark("backend/in_memory/get/\(name)", "find an entry with a body of \(name)") {
          let backend = InMemoryBackend()
          let key = Samples.key(1)
          _ = backend.storeNow(Samples.entry(key, size))
          let now = CacheClock.system.now
          return .synchronous(check: { try expectFound(key, in: backend) }) { count in
            for _ in 0..<count { consume(backend.peek(key, at: now)) }
          }
        },
        Benchmark("backend/in_memory/set/\(name)", "overwrite an entry with a body of \(name)") {
          let backend = InMemoryBackend()
          let entry = Samples.entry(Samples.key(1), size)
          return .synchronous(check: {
            try expect(backend.storeNow(entry) == .stored, "the entry is refused")
            try expectFound(entry.key, in: backend)
          }) { count in
            for _ in 0..<count { consume(backend.storeNow(entry)) }
          }
        },
      ]
    } + [
      Benchmark("backend/in_memory/get/absent", "look for an entry that is not there") {
        let backend = InMemoryBackend()
        let key = Samples.key(2)
        _ = backend.storeNow(Samples.entry(Samples.key(1), 256))
        let now = CacheClock.system.now
        return .synchronous(check: {
          if case .absent = backend.peek(key, at: CacheClock.system.now) { return }
          try expect(false, "the entry is there")
        }) { count in
          for _ in 0..<count { consume(backend.peek(key, at: now)) }
        }
      }
    ]

  static func expectFound(_ key: CacheKey, in backend: InMemoryBackend) throws {
    if case .found = backend.peek(key, at: CacheClock.system.now) { return }
    try expect(false, "\(key) is not found")
  }
}
