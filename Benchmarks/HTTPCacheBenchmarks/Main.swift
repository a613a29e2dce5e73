//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache

@main
struct Main {
  static func main() async throws {
    var filters: [String] = []
    var jsonPath: String?
    var comparePath: String?
    var threads = ProcessInfo.processInfo.activeProcessorCount
    var runner = Runner()
    var exactly: Int?
    var replayPath: String?
    var entryBounds: [Int] = []
    var byteBounds: [Int] = []
    var isPairs = false
    var isAgainstC = false
    var tablePath: String?
    var curvePath: String?
    var shards = 1
    var memoryContent: MemoryContent?
    var capacity = 64 << 20
    var minutes: Double?
    var evictionPolicy: EvictionPolicy?
    var arguments = CommandLine.arguments.dropFirst().makeIterator()
    func value(_ flag: String) -> String {
      guard let value = arguments.next() else { fail("\(flag) needs a value") }
      return value
    }
    while let argument = arguments.next() {
      switch argument {
      case "--json": jsonPath = value(argument)
      case "--compare": comparePath = value(argument)
      case "--threads":
        guard let number = Int(value(argument)), number > 0 else { fail("--threads needs a number of 1 or more") }
        threads = number
      case "--rounds":
        guard let number = Int(value(argument)), number > 0 else { fail("--rounds needs a number of 1 or more") }
        runner.rounds = number
      case "--exactly":
        guard let number = Int(value(argument)), number > 0 else { fail("--exactly needs a number of 1 or more") }
        exactly = number
      case "--replay": replayPath = value(argument)
      case "--entries": entryBounds = numbers(value(argument))
      case "--bytes": byteBounds = numbers(value(argument))
      case "--pairs": isPairs = true
      case "--against-c": isAgainstC = true
      case "--replay-table": tablePath = value(argument)
      case "--curve-table": curvePath = value(argument)
      case "--shards":
        guard let number = Int(value(argument)), number > 0, number <= 4096, number & (number - 1) == 0 else {
          fail("--shards needs a power of two between 1 and 4096")
        }
        shards = number
      case "--invalidate":
        guard let number = Int(value(argument)), number > 0 else { fail("--invalidate needs a number of 1 or more") }
        print(await InvalidationScale.text(entryCount: number))
        return
      case "--invalidate-redis":
        guard let number = Int(value(argument)), number > 0 else {
          fail("--invalidate-redis needs a number of 1 or more")
        }
        print(try await RedisInvalidationScale.text(entryCount: number) { note("\($0)\n") })
        return
      case "--invalidation-bytes":
        guard let number = Int(value(argument)), number > 0 else {
          fail("--invalidation-bytes needs a number of 1 or more")
        }
        print(try await InvalidationBytes.text(count: number) { note("\($0)\n") })
        return
      case "--herd":
        guard let number = Int(value(argument)), number > 0 else { fail("--herd needs a number of 1 or more") }
        print(try await Herd.text(urlCount: number))
        return
      case "--memory":
        let name = value(argument)
        memoryContent = MemoryContent.named(name)
        guard memoryContent != nil else {
          fail("--memory knows no \(name), but \(MemoryContent.all.map(\.name).joined(separator: ", "))")
        }
      case "--capacity":
        guard let number = Int(value(argument)), number > 0 else { fail("--capacity needs a number of bytes") }
        capacity = number
      case "--minutes":
        guard let number = Double(value(argument)), number > 0 else { fail("--minutes needs a number above 0") }
        minutes = number
      case "--policy":
        let name = value(argument)
        guard let policy = EvictionPolicy.all.first(where: { $0.description == name }) else {
          fail("--policy knows no \(name), but \(EvictionPolicy.all.map(\.description).joined(separator: ", "))")
        }
        evictionPolicy = policy
      case "--list":
        for benchmark in Catalog.all(threads: threads) { print("\(benchmark.id)\n    \(benchmark.summary)") }
        return
      case "--help", "-h":
        print(help)
        return
      case _ where argument.hasPrefix("-"): fail("unknown option \(argument); --help lists them")
      default: filters.append(argument)
      }
    }

    if let memoryContent {
      let check = MemoryCheck(
        content: memoryContent, capacity: capacity, evictionPolicy: evictionPolicy ?? .lru, minutes: minutes,
        threads: threads)
      let (row, isWithin) = try await check.run()
      print(row)
      exit(isWithin ? 0 : 1)
    }
    if let replayPath {
      guard !entryBounds.isEmpty || !byteBounds.isEmpty else { fail("--replay needs --entries N,… or --bytes N,…") }
      print(
        try TraceTable.text(
          path: replayPath, entries: entryBounds, bytes: byteBounds, isPairs: isPairs || !byteBounds.isEmpty,
          shards: shards))
      return
    }
    if let tablePath {
      print(try ReferenceTable.text(folder: tablePath, shards: shards))
      return
    }
    if let curvePath {
      print(try CurveTable.text(folder: curvePath, policies: evictionPolicy.map { [$0] } ?? EvictionPolicy.all))
      return
    }
    if isAgainstC {
      print(
        try await RemoteComparison.text(
          Catalog.all(threads: threads), rounds: max(15, runner.rounds), filter: filters.first))
      return
    }
    #if DEBUG
      note("warning: this is a debug build; measure with -c release\n")
    #endif
    let all = Catalog.all(threads: threads)
    let chosen = all.filter { benchmark in
      filters.isEmpty
        || filters.contains { filter in
          // A whole name means that one only.
          all.contains { $0.id == filter }
            ? benchmark.id == filter : benchmark.id.localizedCaseInsensitiveContains(filter)
        }
    }
    guard !chosen.isEmpty else { fail("no benchmark matches \(filters.joined(separator: ", ")); --list names them") }
    do {
      if let exactly {
        for benchmark in chosen { try await runner.repeatExactly(exactly, benchmark) }
        return
      }
    } catch let error as WrongWork {
      fail(error.description)
    }
    var earlier: [Measurement] = []
    if let comparePath {
      earlier = try JSONDecoder().decode([Measurement].self, from: Data(contentsOf: URL(filePath: comparePath)))
    }
    let isTerminal = isatty(STDERR_FILENO) != 0
    runner.progress = { text in
      if isTerminal { note("\r\u{1B}[K\(text)") }
    }
    let measurements: [Measurement]
    do {
      measurements = try await runner.run(chosen)
    } catch let error as WrongWork {
      fail(error.description)
    }
    print(Report.table(measurements, earlier: earlier))
    if let jsonPath {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(measurements).write(to: URL(filePath: jsonPath))
    }
  }

  private static func numbers(_ text: String) -> [Int] {
    text.split(separator: ",").map { part in
      guard let number = Int(part), number > 0 else { fail("\"\(part)\" is not a number of 1 or more") }
      return number
    }
  }

  private static func note(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

  private static func fail(_ message: String) -> Never {
    note("http-cache-benchmarks: \(message)\n")
    exit(2)
  }

  private static let help = """
    usage: http-cache-benchmarks [filter…] [--json FILE] [--compare FILE] [--threads N] [--rounds N] [--list]

      filter          run only what has this text in its name: layer_throughput, get/64KiB, …
      --json FILE     write the figures to FILE
      --compare FILE  show the change against figures written earlier
      --threads N     how many threads the throughput benchmarks use at most (all cores unless said otherwise)
      --rounds N      how many interleaved rounds are made (5 unless said otherwise)
      --exactly N     do each N times and measure nothing: for callgrind, whose counts of two runs with different N,
                      subtracted, are the instructions of one operation
      --list          say what there is, and what one operation of each is

      --replay FILE   instead, replay a request trace (little-endian 64-bit keys) under every eviction policy, with
                      --entries N,… or, for a trace of pairs of key and size, --bytes N,… (--pairs: sizes ignored)
      --replay-table FOLDER
                      instead, replay web07.bin, adapt_size.bin, multi3.bin, loop.bin and adapt_size_unique.pairs.bin
                      from FOLDER at 50 entries and 1, 5 and 10 % of the distinct keys (loop: up to 50 %), and by bytes
      --curve-table FOLDER
                      instead, compare the hit ratios that a cache estimates for other capacities with replays at these,
                      on the same traces, under every eviction policy or that of --policy NAME
      --shards N      how many shards the replayed backend has (1 unless said otherwise)

      --memory KIND   instead, fill a cache of --capacity BYTES (64 MiB) with content of a kind, replace it three times (or
                      for --minutes M), and compare what the cache counts with what the process grows by; --policy NAME
                      chooses the eviction policy; scripts/memory_check.sh does this for all kinds

      --against-c     instead, the clients of Redis and memcached against hiredis and libmemcached, in 15 alternating pairs
                      of stretches of 30 ms or more (--rounds N); a filter chooses rows: "redis, 16", memcached, …

      --invalidate N  instead, forget N entries at once, by a tag and key by key
      --invalidate-redis N
                      the same in Redis, on a server of its own on this machine
      --invalidation-bytes N
                      instead, make N invalidations of URLs of 8 KiB, and N of 100 tags each, in Redis and in memcached,
                      and say what they take, also in a process that starts
      --herd N        instead, ask for N distinct URLs at once of which nothing is stored, in front of an origin that
                      collapses above 50 calls at a time, and say what becomes of them and how long hits take meanwhile

    Figures are for one operation. Allocations are counted by standing in for malloc.
    """
}
