//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The invalidations of a host that may concern any entry: those of everything, of several tags at once, and of paths.
///
/// Read with every lookup, so it is kept short: tags and paths are digests, and when there are too many rules the oldest go, and
/// what was asked for before them is void.
///
/// Written as the mark of everything on a line of its own, and a line for each rule: `h` or `s` for its mode, its number, its
/// moment, and `t` and the tags, or `p`, the number of the path's bytes and the path. A tag or a path is 32 hexadecimal digits.
struct InvalidationLedger: Sendable {
  typealias Rules = InvalidationRules<UnixTime>

  private(set) var everything: MemcachedMark
  /// Their floor is never above `everything.hard`.
  private(set) var rules: Rules

  /// How many rules there may be, and how many bytes of text.
  static let limit = 32
  static let byteLimit = 4096

  init(hard: UInt64) { self.init(MemcachedMark(hard: hard)) }

  private init(_ everything: MemcachedMark) {
    self.everything = everything
    rules = Rules(floor: everything.hard)
  }

  /// The highest number in it.
  var last: UInt64 { max(everything.last, rules.rules.last?.number ?? 0) }

  /// Adds an invalidation of everything.
  mutating func add(_ number: UInt64, _ mode: CacheInvalidation.Mode, at moment: UnixTime) {
    guard !everything.covers(number, mode, at: moment) else { return }
    everything.add(number, mode, at: moment)
    replaceRules(rules.rules)
  }

  /// Adds a rule, unless others make up for it.
  mutating func add(_ rule: Rules.Rule) {
    let identity = rule.target.identity
    func isSame(_ other: Rules.Rule) -> Bool { other.target.identity == identity }
    guard rule.number > everything.hard,
      !rules.rules.contains(where: { isSame($0) && $0.number >= rule.number && $0.makesUp(for: rule) })
    else { return }
    if rule.mode == .hard { replaceRules(rules.rules.filter { !(isSame($0) && $0.number < rule.number) }) }
    rules.append(rule)
    // Of too many soft ones for the same target two become one, rather too strict than too lenient.
    let soft = rules.rules.indices.filter { rules.rules[$0].mode == .soft && isSame(rules.rules[$0]) }
    if soft.count > MemcachedMark.softLimit {
      var merged = rules.rules
      merged[soft[1]].moment = min(merged[soft[0]].moment, merged[soft[1]].moment)
      merged.remove(at: soft[0])
      replaceRules(merged)
    }
    while let first = rules.rules.first, rules.rules.count > Self.limit || text.utf8.count > Self.byteLimit {
      add(first.number, .hard, at: first.moment)
    }
  }

  private mutating func replaceRules(_ kept: [Rules.Rule]) {
    rules = Rules(floor: everything.hard)
    for rule in kept { rules.append(rule) }
  }

  /// The meaning of the ledger for an entry.
  func verdict(_ candidate: inout InvalidationCandidate, since stamp: UInt64) -> MemcachedVerdict {
    let verdict = everything.verdict(since: stamp)
    return verdict == .void || rules.isCurrent(stamp)
      ? verdict : verdict.merged(with: rules.verdict(&candidate, since: stamp))
  }

  // MARK: As text

  var text: String {
    rules.rules.reduce(everything.text) { text, rule in
      let words: [String] =
        switch rule.target {
        case .allTags(let tags): ["t"] + tags.map(\.text)
        case .pathPrefix(let byteCount, let path): ["p", String(byteCount), path.text]
        case .key, .anyTag, .matching, .everything: []
        }
      let mode = rule.mode == .hard ? "h" : "s"
      return ([text + "\n" + mode, String(rule.number), String(rule.moment.milliseconds)] + words).joined(
        separator: " ")
    }
  }

  init?(_ bytes: Bytes) {
    guard bytes.count <= 2 * Self.byteLimit, let text = String(validating: bytes, as: UTF8.self) else { return nil }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    guard let everything = lines.popFirst().flatMap({ MemcachedMark($0) }), lines.count <= Self.limit else {
      return nil
    }
    self.init(everything)
    for line in lines {
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      guard words.count >= 5, words[0] == "h" || words[0] == "s", let number = MemcachedNumber.read(words[1].utf8),
        let moment = Int64(words[2]), let target = Self.target(words[3], words[4...]), number > everything.hard,
        number >= rules.rules.last?.number ?? 0
      else { return nil }
      rules.append(
        Rules.Rule(
          number: number, moment: UnixTime(milliseconds: moment), mode: words[0] == "h" ? .hard : .soft, target: target)
      )
    }
  }

  private static func target(_ kind: Substring, _ words: ArraySlice<Substring>) -> InvalidationTarget? {
    if kind == "p", words.count == 2, let byteCount = MemcachedNumber.read(words[words.startIndex].utf8),
      let path = InvalidationSubject(text: words[words.startIndex + 1])
    {
      return .pathPrefix(byteCount: Int(byteCount), path)
    }
    let tags = words.compactMap { InvalidationSubject(text: $0) }
    return kind == "t" && tags.count == words.count ? .allTags(tags) : nil
  }
}

extension InvalidationRules<UnixTime>.Rule {
  /// Whether an earlier rule for the same target changes nothing that matters: see ``InvalidationMark/covers(_:_:at:)``.
  fileprivate func makesUp(for earlier: Self) -> Bool {
    if mode == .hard { return true }
    let limit = earlier.moment.milliseconds.addingReportingOverflow(1000)
    return earlier.mode == .soft && (limit.overflow || moment.milliseconds <= limit.partialValue)
  }
}

extension InvalidationSubject {
  /// 32 hexadecimal digits.
  fileprivate var text: String {
    [first, second].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  fileprivate init?(text: Substring) {
    guard text.utf8.count == 32, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
      let first = UInt64(text.prefix(16), radix: 16), let second = UInt64(text.suffix(16), radix: 16)
    else { return nil }
    self.init(first: first, second: second)
  }
}

extension InvalidationLedger {
  /// Reads a ledger.
  init?(_ item: MemcachedItem?) {
    guard let item, item.value.flags == MemcachedFormat.mark else { return nil }
    self.init(item.value.bytes)
  }
}
