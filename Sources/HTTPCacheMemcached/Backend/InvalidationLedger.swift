//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The invalidations of a host that may concern any entry: those of everything, of several tags at once, and of paths.
///
/// Read with every lookup, so it is kept short: when there are too many rules the oldest go, and what was asked for before
/// them is void.
///
/// Written as the mark of everything on a line of its own, and a line for each rule: `h` or `s` for its mode, its number,
/// its moment, `t` or `p` for its kind, and the tags or the path, each with its length in bytes in front.
struct InvalidationLedger: Hashable, Sendable {
  enum Subject: Hashable, Sendable {
    case allTags([String])
    case pathPrefix(String)

    var target: CacheInvalidation.Target {
      switch self {
      case .allTags(let tags): .allTags(tags)
      case .pathPrefix(let prefix): .pathPrefix(prefix)
      }
    }
  }

  struct Rule: Hashable, Sendable {
    let number: UInt64
    let mode: CacheInvalidation.Mode
    let moment: UnixTime
    let subject: Subject
  }

  private(set) var everything: InvalidationMark
  private(set) var rules: [Rule] = []

  /// How many rules there may be, and how many bytes of text.
  static let limit = 32
  static let byteLimit = 4096

  init(hard: UInt64) { everything = InvalidationMark(hard: hard) }

  var last: UInt64 { max(everything.last, rules.last?.number ?? 0) }

  /// Adds an invalidation of everything.
  mutating func add(_ number: UInt64, _ mode: CacheInvalidation.Mode, at moment: UnixTime) {
    everything.add(number, mode, at: moment)
    rules.removeAll { $0.number <= everything.hard }
  }

  /// Adds a rule.
  mutating func add(_ rule: Rule) {
    guard rule.number > everything.hard, !rules.contains(rule) else { return }
    rules.insert(rule, at: rules.firstIndex { $0.number > rule.number } ?? rules.count)
    while rules.count > Self.limit || (text.utf8.count > Self.byteLimit && !rules.isEmpty) {
      add(rules[0].number, .hard, at: rules[0].moment)
    }
  }

  /// What it means for an entry.
  func verdict(key: CacheKey, tags: [String], since stamp: UInt64) -> RemoteVerdict {
    var verdict = everything.verdict(since: stamp)
    for rule in rules where rule.number > stamp {
      guard verdict != .void else { break }
      guard CacheInvalidation(rule.subject.target).concerns(key: key, tags: tags) else { continue }
      verdict = verdict.and(rule.mode == .hard ? .void : .stale(since: rule.moment))
    }
    return verdict
  }

  // MARK: As text

  var text: String {
    rules.reduce(everything.text) { text, rule in
      let (kind, parts) =
        switch rule.subject {
        case .allTags(let tags): ("t", tags)
        case .pathPrefix(let prefix): ("p", [prefix])
        }
      let words = parts.map { "\($0.utf8.count):\($0)" }.joined()
      let mode = rule.mode == .hard ? "h" : "s"
      return "\(text)\n\(mode) \(rule.number) \(rule.moment.milliseconds) \(kind) \(words.utf8.count):\(words)"
    }
  }

  init?(_ bytes: Bytes) {
    var rest = Array(bytes)[...]
    func line(upTo end: UInt8) -> String? {
      guard let index = rest.firstIndex(of: end) else { return nil }
      defer { rest = rest[(index + 1)...] }
      return String(validating: rest[..<index], as: UTF8.self)
    }
    func counted() -> ArraySlice<UInt8>? {
      guard let word = line(upTo: 0x3A), let count = Int(word), count >= 0, count <= rest.count else { return nil }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    rest.append(0x0A)
    guard let first = line(upTo: 0x0A), let everything = InvalidationMark(first) else { return nil }
    self.everything = everything
    while !rest.isEmpty {
      guard let mode = line(upTo: 0x20), mode == "h" || mode == "s",
        let number = line(upTo: 0x20).flatMap({ UInt64($0) }),
        let moment = line(upTo: 0x20).flatMap({ Int64($0) }), let kind = line(upTo: 0x20), let words = counted(),
        line(upTo: 0x0A) == "", number > everything.hard, number >= rules.last?.number ?? 0
      else { return nil }
      let after = rest
      var parts: [String] = []
      rest = words
      while !rest.isEmpty {
        guard let part = counted().flatMap({ String(validating: $0, as: UTF8.self) }) else { return nil }
        parts.append(part)
      }
      rest = after
      let subject: Subject
      switch kind {
      case "t" where !parts.isEmpty: subject = .allTags(parts)
      case "p" where parts.count == 1: subject = .pathPrefix(parts[0])
      default: return nil
      }
      rules.append(
        Rule(
          number: number, mode: mode == "h" ? .hard : .soft, moment: UnixTime(milliseconds: moment), subject: subject))
    }
    guard rules.count <= Self.limit else { return nil }
  }
}
