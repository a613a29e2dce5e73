//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache

/// Forgetting very many entries at once: by a tag that they have in common, and key by key.
enum InvalidationScale {
  static func text(entryCount: Int) async -> String {
    var rows = [["\(entryCount) entries", "time", "memory before", "after"]]
    func row(_ name: String, _ before: Int, _ body: () async -> Void) async {
      let clock = ContinuousClock()
      let start = clock.now
      await body()
      let elapsed = (clock.now - start) / .nanoseconds(1)
      rows.append([name, Report.time(elapsed), memory(before), memory(residentByteCount)])
    }
    func filled() -> (InMemoryBackend, [CacheKey]) {
      let backend = InMemoryBackend(capacity: 16 << 30)
      let keys = (0..<entryCount).map { Samples.key($0) }
      for (number, key) in keys.enumerated() {
        _ = backend.storeNow(TagInvalidation.entry(key, CacheTags(["all", "group:\(number % 100)", "item:\(number)"])))
      }
      return (backend, keys)
    }

    do {
      let (backend, keys) = filled()
      await row("invalidate their tag", residentByteCount) {
        await backend.invalidate(CacheInvalidation(.anyTag(["all"])))
      }
      let now = CacheClock.system.now
      await row("look each up: it is not there", residentByteCount) {
        for key in keys {
          if case .found = backend.peek(key, at: now) { rows.append(["still there: \(key)"]) }
        }
      }
    }
    do {
      let (backend, keys) = filled()
      await row("make them stale by their tag", residentByteCount) {
        await backend.invalidate(CacheInvalidation(.anyTag(["all"]), mode: .soft))
      }
      await row("remove key by key", residentByteCount) {
        for key in keys { await backend.removeEntry(for: key) }
      }
    }
    do {
      let (backend, _) = filled()
      await row("invalidate their path prefix", residentByteCount) {
        await backend.invalidate(CacheInvalidation(.pathPrefix("/catalog/")))
      }
      if backend.statistics.entryCount != 0 { rows.append(["\(backend.statistics.entryCount) are left"]) }
    }
    return Report.columns(rows.map { $0 + [String](repeating: "", count: 4 - $0.count) })
  }

  private static func memory(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }

  /// What the process holds in physical memory.
  private static var residentByteCount: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(getpagesize())
  }
}
