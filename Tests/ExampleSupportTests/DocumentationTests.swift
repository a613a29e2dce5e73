//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Foundation
  import HTTPCache
  import Testing

  @testable import ExampleSupport
  @testable import caching_proxy

  /// What the documentation lists, against the program and the sources.
  @Suite struct DocumentationTests {
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources/HTTPCache")
    private static let folder = sources.appending(path: "Documentation.docc")

    private static func article(_ name: String) throws -> String {
      try String(contentsOf: folder.appending(path: "\(name).md"), encoding: .utf8)
    }

    /// The cells of the table rows whose first cell is code that begins with `prefix`.
    private static func rows(_ article: String, _ prefix: String) -> [[String]] {
      article.split(separator: "\n").filter { $0.hasPrefix("| `\(prefix)") }.map { line in
        // A bar within a cell is escaped.
        line.replacing("\\|", with: "\u{0}").split(separator: "|").map { cell in
          cell.replacing("\u{0}", with: "|").trimmingCharacters(in: .whitespaces)
        }
      }
    }

    @Test func `every option has a row, with its default, and no row is of an option that does not exist`() throws {
      let article = try Self.article("RunningTheProxy")
      let options = ProxyOptions().options
      var rows: [String: [String]] = [:]
      for row in Self.rows(article, "--") { #expect(rows.updateValue(row, forKey: row[0]) == nil, "\(row[0]) twice") }
      for option in options.declarations {
        let label = "`\(options.label(option))`"
        guard let row = rows.removeValue(forKey: label) else {
          Issue.record("\(label) has no row")
          continue
        }
        // How many threads there are depends on the machine.
        let expected =
          option.name == "threads"
          ? "processors − 1" : option.defaultText ?? (option.placeholder == nil ? "off" : "none")
        #expect(row.count == 3 && row[1] == expected, "\(label): \(row)")
      }
      rows["`--help`"] = nil
      #expect(rows.isEmpty, "\(rows.keys.sorted())")
    }

    @Test func `no option is named that does not exist`() throws {
      let names = Set(ProxyOptions().options.declarations.map(\.name) + ["help"])
      for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path) where name.hasSuffix(".md") {
        let article = try Self.article(String(name.dropLast(3)))
        // Options of other programs stand in commands that name them.
        for line in article.split(separator: "\n")
        where name == "RunningTheProxy.md" || line.contains("caching-proxy") && !line.contains("http-cache-benchmarks")
        {
          for match in line.matches(of: /(?:^|[\s`(\[])--([a-z][a-z-]*)/) where !Self.foreign.contains(String(match.1))
          {
            #expect(names.contains(String(match.1)), "\(name): --\(match.1)")
          }
        }
      }
    }

    /// Options of other programs that stand in commands of the articles.
    private static let foreign: Set = ["build", "product", "configuration", "show-bin-path"]

    @Test func `the values of detail in Cache-Status are all in the table, and no others`() throws {
      let values = Set(
        Self.rows(try Self.article("Standards"), "detail=").map { $0[0].dropFirst(8).dropLast() }.map(String.init))
      var expected = Set(CacheOutcome.StaleReason.allCases.map(\.rawValue))
      // `method` is the reason in `fwd`.
      expected.formUnion(CacheOutcome.BypassReason.allCases.filter { $0 != .method }.map(\.rawValue))
      expected.formUnion(CacheOutcome.FailureReason.allCases.map(\.rawValue))
      expected.formUnion(StoreRefusal.allCases.map(\.rawValue))
      expected.formUnion(ProxyResponses.Reason.allCases.map(\.rawValue))
      #expect(values == expected, "missing: \(expected.subtracting(values)), gone: \(values.subtracting(expected))")
    }

    @Test func `every public type of the library is among the topics`() throws {
      let topics = try Self.article("HTTPCache")
      let kinds: Set = ["struct", "class", "enum", "actor", "protocol"]
      var count = 0
      for path in try FileManager.default.subpathsOfDirectory(atPath: Self.sources.path) where path.hasSuffix(".swift")
      {
        let source = try String(contentsOf: Self.sources.appending(path: path), encoding: .utf8)
        // Not by a regular expression, which takes seconds for all of them in a debug build.
        for line in source.components(separatedBy: "\npublic ").dropFirst() {
          let words = line.prefix { $0 != "\n" }.split(separator: " ", maxSplits: 3)
          guard let kind = words.firstIndex(where: { kinds.contains(String($0)) }), words.count > kind + 1 else {
            continue
          }
          let name = words[kind + 1].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
          count += 1
          #expect(topics.contains("- ``\(name)``"), "\(name)")
        }
      }
      #expect(count > 50)
    }
  }
#endif
