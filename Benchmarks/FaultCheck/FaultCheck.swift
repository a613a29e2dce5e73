//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import FaultHarness
import Foundation

/// Hurts real servers in every way there is while clients use a cache that is kept in them, and says what the clients saw.
@main
struct FaultCheck {
  static func main() async {
    var plan = FaultPlan.full
    var filters: [String] = []
    var isMarkdown = false
    var arguments = CommandLine.arguments.dropFirst().makeIterator()
    while let argument = arguments.next() {
      switch argument {
      case "--short": plan = .short
      case "--markdown": isMarkdown = true
      case "--clients":
        guard let text = arguments.next(), let number = Int(text), number > 0 else {
          fail("--clients needs a number of 1 or more")
        }
        plan.clients = number
      case "--list":
        for fault in FaultCase.all { print(fault.name) }
        return
      case "--help", "-h":
        print(help)
        return
      case _ where argument.hasPrefix("-"): fail("unknown option \(argument); --help lists them")
      default: filters.append(argument)
      }
    }
    let cases = FaultCase.all.filter { fault in
      filters.isEmpty || filters.contains { fault.name.localizedCaseInsensitiveContains($0) }
    }
    guard !cases.isEmpty else { fail("no case matches \(filters.joined(separator: ", ")); --list names them") }

    let table = FaultTable(isMarkdown: isMarkdown)
    say(table.head)
    var failures: [String] = []
    for fault in cases {
      do {
        let result = try await fault.run(plan)
        say(table.line(result))
        if !isMarkdown, !result.notes.isEmpty { say("    counted: \(result.notes)") }
        for promise in result.broken + result.late {
          failures.append("\(fault.name): \(promise)")
          if !isMarkdown { say("    BROKEN: \(promise)") }
        }
      } catch {
        failures.append("\(fault.name): \(error)")
        say("    FAIL: \(fault.name): \(error)")
      }
    }
    guard !failures.isEmpty else {
      say("\nfault_check: \(cases.count) of \(cases.count) cases hold, with \(plan.clients) clients")
      return
    }
    FileHandle.standardError.write(Data("\n\(failures.joined(separator: "\n"))\n".utf8))
    say("\nfault_check: \(failures.count) promises are broken")
    exit(1)
  }

  /// At once, also into a file.
  private static func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

  private static func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("error: \(message)\n".utf8))
    exit(2)
  }

  private static let help = """
    fault-check [TEXT...] [--clients N] [--short] [--markdown] [--list]

    Starts Redis and memcached servers of its own, lets clients use a cache that is kept in them, and meanwhile kills, stops,
    empties, slows down, cuts off and corrupts them. Every answer is looked at. Exit status 1 when a promise is broken: no
    request fails, nobody gets a wrong or an invalidated body, the p99 stays within the configured timeout, and the store is
    used again without anybody's help.

      TEXT         only the cases whose name contains it
      --clients N  how many clients ask all the time; 64 unless said otherwise
      --short      about two seconds for each case
      --markdown   the table as for a document
      --list       the names of the cases
    """
}
