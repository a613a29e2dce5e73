//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

// This file is also part of the fuzzer, which is compiled together with the library (scripts/fuzz.sh).
#if !FUZZING
  import ServerHarness

  @testable import HTTPCache
  @testable import HTTPCacheMemcached
#endif

/// Values and replies of a memcached server, made of anything.
enum BookkeepingFuzzTarget: StoreFuzzTarget {
  static let name = "memcached-bookkeeping"

  static func run(_ kind: UInt8?, _ rest: [UInt8]) {
    let rest = Bytes(rest)
    switch kind {
    case UInt8(ascii: "m"): mark(rest)
    case UInt8(ascii: "a"): ledger(rest)
    case UInt8(ascii: "n"): counter(rest)
    case UInt8(ascii: "c"): manifest(rest)
    case UInt8(ascii: "r"): replies(rest, isBinary: false)
    case UInt8(ascii: "b"): replies(rest, isBinary: true)
    default: operations(rest)
    }
  }

  private static let space = MemcachedKeySpace(namespace: "k")
  private static let keys = BookkeepingKeys(space)
  private static let key = CacheKey(scheme: "http", authority: "a", target: "/")

  private static func item(_ bytes: Bytes, _ flags: UInt32) -> MemcachedItem {
    MemcachedItem(value: MemcachedValue(bytes: bytes, flags: flags), unique: 1)
  }

  private static func mark(_ bytes: Bytes) {
    guard var mark = MemcachedMark(item(bytes, MemcachedFormat.mark)) else { return }
    precondition(MemcachedMark(mark.text) == mark && mark.last < MemcachedNumber.limit)
    let number = mark.last + 1
    for mode: CacheInvalidation.Mode in [.soft, .hard] {
      mark.add(number, mode, at: UnixTime(milliseconds: .max))
      precondition(mark.covers(number, mode, at: UnixTime(milliseconds: .max)))
      precondition(mark.verdict(since: number - 1) != .valid && mark.verdict(since: number) == .valid)
    }
  }

  private static func ledger(_ bytes: Bytes) {
    guard var ledger = InvalidationLedger(bytes) else { return }
    precondition(InvalidationLedger(Bytes(ledger.text))?.text == ledger.text && ledger.last < MemcachedNumber.limit)
    var candidate = InvalidationCandidate(key: key, tags: ["a", "b"])
    precondition(ledger.verdict(&candidate, since: ledger.last) == .valid)
    let number = ledger.last + 1
    let target = InvalidationTarget(.pathPrefix("/"))
    ledger.add(
      InvalidationLedger.Rules.Rule(
        number: number, moment: UnixTime(milliseconds: .min), mode: .soft, target: target))
    precondition(ledger.verdict(&candidate, since: number - 1) != .valid)
    precondition(
      ledger.rules.rules.count <= InvalidationLedger.limit && ledger.text.utf8.count <= InvalidationLedger.byteLimit)
  }

  private static func counter(_ bytes: Bytes) {
    guard let number = MemcachedNumber.read(item(bytes, 0)) else { return }
    precondition(number < MemcachedNumber.limit)
  }

  private static func manifest(_ bytes: Bytes) {
    guard let manifest = ChunkManifest(bytes, maximumValueSize: 1 << 20) else { return }
    let ranges = (0..<manifest.chunkCount).map { manifest.range($0) }
    precondition(ranges.reduce(0) { $0 + $1.count } == manifest.valueSize && ranges.allSatisfy { !$0.isEmpty })
    precondition(manifest.bytes == bytes)
  }

  private static func replies(_ bytes: Bytes, isBinary: Bool) {
    var rest = bytes[...]
    let reader = MemcachedReplyReader { (memory) throws(MemcachedWireError) in
      guard !rest.isEmpty else { throw MemcachedWireError(code: .connectionFailed, message: "over") }
      // In pieces of all sizes.
      let count = min(1 + rest.count % 7, rest.count, memory.count)
      memory.copyBytes(from: rest.prefix(count))
      rest = rest.dropFirst(count)
      return count
    }
    let asked = [MemcachedKey(bytes: "k"), MemcachedKey(bytes: "kk")]
    let value = MemcachedValue(bytes: "", flags: 0)
    let commands: [MemcachedCommand] = [
      .get(asked), .set(asked[0], value, .never), .increment(asked[0]), .delete(asked[0]),
      .compareAndSet(asked[0], value, .never, unique: 1), .add(asked[0], value, .never),
    ]
    for command in commands {
      let reply =
        isBinary
        ? try? MemcachedBinaryProtocol.reply(to: command, from: reader, limit: 512)
        : try? MemcachedTextProtocol.reply(to: command, from: reader, limit: 512)
      guard let reply else { return }
      if case .items(let items) = reply {
        precondition(items.count == 2 && items.allSatisfy { ($0?.value.bytes.count ?? 0) <= min(512, bytes.count) })
      }
    }
  }

  /// A host that has these lines as its counter, its ledger and its marks.
  private static func operations(_ bytes: Bytes) {
    let parts = bytes.split(separator: 0x0A, maxSplits: 2, omittingEmptySubsequences: false).map { Bytes($0) }
    let markKey = space.key(.tag, "a")
    let bucketKey = space.key(.bucket, "b")
    let moment = UnixTime(milliseconds: .min)
    func items() -> [MemcachedKey: MemcachedItem] {
      [
        markKey: item(parts[0], MemcachedFormat.mark),
        keys.counter.unshared: item(parts.count > 1 ? parts[1] : "", MemcachedFormat.counter),
        keys.ledger.unshared: item(parts.count > 2 ? parts[2] : "", MemcachedFormat.mark),
        bucketKey: item(parts[0], MemcachedFormat.tombstone),
      ]
    }
    var host = items()
    precondition(carryOut(MarkOperation([markKey], .soft, at: moment, slot: .read(bucketKey), keys), &host) != nil)
    host = items()
    precondition(carryOut(MarkOperation([markKey, bucketKey], .hard, at: moment, keys), &host) != nil)
    host = items()
    let candidate = InvalidationCandidate(key: key, tags: ["a"])
    for stamp: UInt64 in [0, 1_800_000_000_000_000, .max] {
      let check = CheckOperation(candidate, since: stamp, marks: [markKey, bucketKey], seen: 5, keys)
      precondition(carryOut(check, &host) != nil, "what cannot be read is begun anew")
    }
    host = items()
    guard let (number, ledger) = carryOut(NumberOperation(keys), &host) else { preconditionFailure("no number") }
    let change = LedgerChange(number: number, mode: .soft, moment: moment, target: InvalidationTarget(.pathPrefix("/")))
    precondition(carryOut(LedgerOperation([change], over: ledger, keys), &host) != nil)
  }

  private static func carryOut<Operation: BookkeepingOperation>(
    _ start: Operation, _ host: inout [MemcachedKey: MemcachedItem]
  ) -> Operation.Result? {
    var operation = start
    var replies: [MemcachedReply] = []
    for _ in 0..<100 {
      guard let step = try? operation.advance(replies) else { return nil }
      switch step {
      case .done(let result): return result
      case .ask(let commands): replies = commands.map { perform($0, &host) }
      case .begin(let number):
        replies = []
        let begin = BeginOperation(keys, seen: max(5, min(number, MemcachedNumber.highestRemembered))) {
          max(1_800_000_000_000_000, $0 + 1 << 20)
        }
        guard carryOut(begin, &host) != nil else { return nil }
      }
    }
    return nil
  }

  private static func perform(
    _ command: MemcachedCommand, _ host: inout [MemcachedKey: MemcachedItem]
  ) -> MemcachedReply {
    func write(_ key: MemcachedKey, _ value: MemcachedValue) -> MemcachedReply {
      host[key.unshared] = MemcachedItem(value: value, unique: (host[key.unshared]?.unique ?? 0) + 1)
      return .stored(.stored)
    }
    switch command {
    case .get(let keys): return .items(keys.map { host[$0.unshared] })
    case .set(let key, let value, _): return write(key, value)
    case .add(let key, let value, _): return host[key.unshared] == nil ? write(key, value) : .stored(.notStored)
    case .compareAndSet(let key, let value, _, let unique):
      return host[key.unshared]?.unique == unique ? write(key, value) : .stored(.notStored)
    case .increment(let key):
      // The server does not mind spaces behind the number.
      let digits = host[key.unshared].map { item in Array(item.value.bytes.reversed().drop { $0 == 0x20 }.reversed()) }
      guard let number = digits.flatMap({ UInt64(decimal: $0) }) else { return .counter(nil) }
      _ = write(key, MemcachedValue(counter: number &+ 1))
      return .counter(number &+ 1)
    case .delete(let key): return .deleted(host.removeValue(forKey: key.unshared) != nil)
    case .sequence(let commands): return .sequence(commands.map { perform($0, &host) })
    }
  }
}
