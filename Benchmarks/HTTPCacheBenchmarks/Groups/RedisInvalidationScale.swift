//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import HTTPCacheRedis
import ServerHarness

/// Forgetting very many entries in Redis at once: by a tag that they have in common, and key by key; on a server of its own
/// on this machine.
enum RedisInvalidationScale {
  /// How many operations are under way at a time where there are many.
  private static let width = 64

  static func text(entryCount: Int, progress: @escaping @Sendable (String) -> Void) async throws -> String {
    let server = try RedisServerProcess()
    var configuration = RedisConfiguration(mode: .single(.tcp(port: server.port)))
    configuration.commandTimeout = .seconds(30)
    configuration.headOfLineTimeout = .seconds(30)
    let backend = try RedisBackend(configuration: configuration)
    try await backend.waitUntilReady()
    let version = try info(server, "server", "redis_version")
    var rows = [["\(entryCount) entries, Redis \(version)", "time", "server's memory before", "after"]]
    func row(_ name: String, _ body: () async throws -> Void) async throws {
      let before = try memory(server)
      let clock = ContinuousClock()
      let start = clock.now
      try await body()
      let elapsed = (clock.now - start) / .nanoseconds(1)
      let row = [name, Report.time(elapsed), before, try memory(server)]
      // At once: on a busy machine the rest takes minutes.
      progress(row.joined(separator: "  "))
      rows.append(row)
    }

    func filling(_ name: String) async throws {
      let stamp = try await backend.lookup(Samples.key(0)).stamp
      try await row(name) {
        try await each(entryCount, "stored", progress) { number in
          let entry = TagInvalidation.entry(
            Samples.key(number), CacheTags(["all", "group:\(number % 100)", "item:\(number)"]))
          let result = try await backend.store(entry, stamp: stamp)
          guard result == .stored else { throw WrongWork(description: "entry \(number) was not stored: \(result)") }
        }
      }
    }
    /// Looks a thousand of them up.
    func foundCount() async throws -> Int {
      var count = 0
      for number in stride(from: 0, to: entryCount, by: max(1, entryCount / 1000)) {
        if try await backend.lookup(Samples.key(number)).entry != nil { count += 1 }
      }
      return count
    }

    try await filling("store them, \(width) at a time")
    rows.append(["of 1 in \(max(1, entryCount / 1000)), found", "\(try await foundCount())", "", ""])
    try await row("invalidate their tag") { _ = try await backend.invalidate(CacheInvalidation(.anyTag(["all"]))) }
    rows.append(["of the same, found", "\(try await foundCount())", "", ""])
    try await filling("store them again, in place of those that are void")
    rows.append(["of the same, found", "\(try await foundCount())", "", ""])
    try await row("remove key by key, \(width) at a time") {
      try await each(entryCount, "removed", progress) { try await backend.removeEntry(for: Samples.key($0)) }
    }
    rows.append(["of the same, found", "\(try await foundCount())", "", ""])
    await backend.shutdown()
    return Report.columns(rows)
  }

  /// Does something for every number below `count`, several at a time.
  private static func each(
    _ count: Int, _ what: String, _ progress: @escaping @Sendable (String) -> Void,
    _ body: @escaping @Sendable (Int) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for first in 0..<min(width, count) {
        group.addTask { @concurrent in
          for number in stride(from: first, to: count, by: width) {
            try await body(number)
            if number % 50_000 == 0 { progress("\(number) of \(count) \(what)") }
          }
        }
      }
      try await group.waitForAll()
    }
  }

  private static func memory(_ server: RedisServerProcess) throws -> String {
    let bytes = Int(try info(server, "memory", "used_memory")) ?? 0
    return "\(bytes >> 20) MiB"
  }

  private static func info(_ server: RedisServerProcess, _ section: String, _ name: String) throws -> String {
    let lines = try server.command("INFO", section).split(whereSeparator: \.isNewline)
    return lines.first { $0.hasPrefix("\(name):") }.map { String($0.dropFirst(name.count + 1)) } ?? ""
  }
}
