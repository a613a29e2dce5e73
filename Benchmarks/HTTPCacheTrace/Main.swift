//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import TraceReplay

/// Looks into the traces that a cache records (``TraceRecorder``), converts them, and replays them under other conditions.
@main
struct Main {
  static func main() async {
    do {
      try await run(Array(CommandLine.arguments.dropFirst()))
    } catch {
      FileHandle.standardError.write(Data("http-cache-trace: \(error)\n".utf8))
      exit(2)
    }
  }

  static func run(_ arguments: [String]) async throws {
    var positional: [String] = []
    var options: [String: String] = [:]
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--help" || argument == "-h" { return print(help) }
      guard argument.hasPrefix("--") else {
        positional.append(argument)
        continue
      }
      guard ["--to", "--bytes", "--entries", "--requests", "--policy"].contains(argument) else {
        throw Failure("unknown option \(argument); --help lists them")
      }
      guard let value = rest.popFirst() else { throw Failure("\(argument) needs a value") }
      options[argument] = value
    }
    guard let command = positional.first else { return print(help) }
    func path(_ index: Int) throws -> String {
      guard positional.indices.contains(index) else { throw Failure("\(command) needs one more file; see --help") }
      return positional[index]
    }
    func numbers(_ option: String) throws -> [Int] {
      try (options[option] ?? "").split(separator: ",").map { part in
        guard let number = Int(part), number > 0 else { throw Failure("\"\(part)\" is not a number of 1 or more") }
        return number
      }
    }
    let policies = try policies(options["--policy"])
    let (entries, capacities) = (try numbers("--entries"), try numbers("--bytes"))
    switch command {
    case "info": print(TraceReport.info(try TraceFile(path: path(1))))
    case "convert":
      guard let name = options["--to"], let format = TraceConverter.Format(rawValue: name) else {
        throw Failure(
          "convert needs --to with one of \(TraceConverter.Format.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      try write(TraceConverter(TraceFile(path: path(1))).bytes(format), to: path(2))
    case "anonymise": try write(try TraceFile(path: path(1)).anonymised().bytes, to: path(2))
    case "replay":
      print(
        try TraceReport.replay(
          TraceFile(path: path(1)), entries: entries, bytes: capacities, policies: policies))
    case "mrc":
      guard let capacity = capacities.first else { throw Failure("mrc needs --bytes with the capacity") }
      print(try TraceReport.missRatioCurve(TraceFile(path: path(1)), capacity: capacity, policies: policies))
    case "sample":
      try await SampleTrace.write(to: path(1), requestCount: numbers("--requests").first ?? 100_000)
    default: throw Failure("there is no \(command); --help lists the commands")
    }
  }

  private static func policies(_ name: String?) throws -> [EvictionPolicy] {
    guard let name else { return EvictionPolicy.all }
    guard let policy = EvictionPolicy.all.first(where: { $0.description == name }) else {
      throw Failure(
        "there is no policy \(name), but \(EvictionPolicy.all.map(\.description).joined(separator: ", "))")
    }
    return [policy]
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
  }

  private static let help = """
    usage: http-cache-trace COMMAND FILE…

      info FILE                       what is in a trace
      convert FILE OUT --to FORMAT    write it for another program: oracleGeneral or lcs for libCacheSim (a file whose name holds
                                      "oracleGeneral" is recognised), csv, lrb for LRB's simulator, or pairs for http-cache-benchmarks
      replay FILE --bytes N,…         the hit ratios under every eviction policy with these capacities, in bytes of content, or
                                      with --entries N,…; --policy NAME for one policy
      mrc FILE --bytes N              the hit ratios at a quarter to eight times a capacity, replayed, and as a cache estimates them
      anonymise FILE OUT              write it with other hashes, without times of day and policies
      sample FILE                     record the trace of a cache with --requests N (100,000) made-up requests: Zipf 0.9 over 10,000
                                      keys

    In a trace are the requests for a part of the keys. Give that part of the capacity: info says which.
    """
}
