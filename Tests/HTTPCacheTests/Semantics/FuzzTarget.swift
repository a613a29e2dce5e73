//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

// This file is also part of the fuzzer, which is compiled together with the library (scripts/fuzz.sh).
#if !FUZZING
  @testable import HTTPCache
#endif

/// A parser to be fed with anything, and what must hold whatever it is fed with.
enum FuzzTarget: String, CaseIterable, Sendable {
  case dates, directives, structuredFields = "structured-fields", ranges, contentRange = "content-range"
  case selection, noVarySearch = "no-vary-search", references, conditions, storing
  case cookies, wire

  /// Traps when a property does not hold.
  func run(_ input: Span<UInt8>) {
    switch self {
    case .dates: Self.dates(input)
    case .directives: Self.directives(input)
    case .structuredFields: Self.structuredFields(input)
    case .ranges: Self.ranges(input)
    case .contentRange: Self.contentRange(input)
    case .selection: Self.selection(input)
    case .noVarySearch: Self.noVarySearch(input)
    case .references: Self.references(input)
    case .conditions: Self.conditions(input)
    case .storing: Self.storing(input)
    case .cookies: Self.cookies(input)
    case .wire: Self.wire(input)
    }
  }

  private static func dates(_ input: Span<UInt8>) {
    for now in [nil, UnixTime(seconds: 1_800_000_000), UnixTime(milliseconds: .min), UnixTime(milliseconds: .max)] {
      // With an absurd idea of now, a short year is one that no date can be written with.
      guard let time = HTTPDate.parse(input, now: now), (-62_167_219_200...253_402_300_799).contains(time.seconds)
      else {
        continue
      }
      let text = HTTPDate.format(time)
      precondition(
        Array(text.utf8).withSpan { HTTPDate.parse($0, now: now) } == time, "a date is read as it was written")
    }
  }

  private static func directives(_ input: Span<UInt8>) {
    let fields = fields(input, name: "Cache-Control")
    let response = ResponseDirectives(fields)
    for seconds in [response.maxAge, response.sMaxage, response.staleIfError, response.staleWhileRevalidate] {
      precondition((0...FieldSyntax.greatestDeltaSeconds).contains(seconds ?? 0))
    }
    precondition(response.noCacheFields.count <= ResponseDirectives.maximumListedFields)
    let request = RequestDirectives(fields)
    for seconds in [request.maxAge, request.minFresh, request.staleIfError] {
      precondition((0...FieldSyntax.greatestDeltaSeconds).contains(seconds ?? 0))
    }
    _ = RequestDirectives(Self.fields(input, name: "Pragma"))
    let age = RFC9111.ageValue(of: Self.fields(input, name: "Age")) ?? 0
    precondition((0...FieldSyntax.greatestDeltaSeconds).contains(age))
    let length = RFC9111.contentLength(of: Self.fields(input, name: "Content-Length")) ?? 0
    precondition(length >= 0 && length < .max)
  }

  private static func structuredFields(_ input: Span<UInt8>) {
    let members = StructuredField.dictionary(input)
    precondition((members?.count ?? 0) <= StructuredField.maximumMembers)
    if let members {
      let directives = RFC9213.directives(in: members)
      precondition((0...FieldSyntax.greatestDeltaSeconds).contains(directives.maxAge ?? 0))
    }
    _ = StructuredField.list(input)
    let groups = RFC9875.groups(in: fields(input, name: "Cache-Groups"))
    precondition(Set(groups).count == groups.count)
    // Whatever goes into Cache-Status comes out well-formed.
    var fields = HeaderFields()
    let text = FieldSyntax.text(input, 0..<input.count)
    RFC9211.append(
      to: &fields, cacheName: text, outcome: .hit, details: CacheStatusDetails(ttl: 1, key: text, detail: text))
    precondition(fields.count == 1)
    let isWellFormed = fields.withValue(at: 0) { StructuredField.list($0)?.count == 1 }
    precondition(isWellFormed, "a cache status is a list of one member")
  }

  private static func ranges(_ input: Span<UInt8>) {
    for length in [0, 1, 10, 1000, Int.max] {
      guard case .ranges(let ranges) = ByteRangeSet.parse(input)?.selection(length: length) else { continue }
      let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
      precondition(!ranges.isEmpty && ranges.count <= 16)
      precondition(ranges.allSatisfy { !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= length })
      precondition(zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
      guard length <= 1000 else { continue }
      let multipart = MultipartByteRanges(of: HeaderFields(), ranges: Array(ranges), length: length, boundary: "B")
      let count = multipart.parts.reduce(multipart.closing.count) { $0 + $1.head.count + $1.range.count }
      precondition(count == multipart.length)
    }
    let part = ContentRange(range: 10..<20, completeLength: 100)
    let stored = PartialContent(
      ["Content-Range": part.text, "ETag": "\"a\""], body: Bytes([UInt8](repeating: 0, count: 10)))
    guard let stored else { preconditionFailure("a good part was refused") }
    let request = fields(input, name: "Range")
    switch stored.answer(to: request, stored: HeaderFields()) {
    case .ranges(let ranges): precondition(ranges.allSatisfy { stored.slice(for: $0) != nil })
    case .missing(let first, let end):
      precondition(first >= 0 && (end ?? .max) > first)
      _ = stored.completionFields(for: request, from: first, to: end)
    case .whole: preconditionFailure("it is not whole")
    case .unsatisfiable, .unknown: break
    }
  }

  private static func contentRange(_ input: Span<UInt8>) {
    if let range = ContentRange.parse(input) {
      precondition(Array(range.text.utf8).withSpan { ContentRange.parse($0) } == range, "it is read as it was written")
    }
    let fields = fields(input, name: "Content-Range")
    for body in [Bytes("0123456789"), "0"] {
      if let partial = PartialContent(fields, body: body) {
        precondition(partial.gaps(for: partial.segments[0].range).isEmpty)
        let entry = partial.entry(fields: fields)
        precondition(PartialContent(entryFields: entry.fields, body: entry.body)?.segments.count == 1)
      }
      _ = PartialContent(entryFields: fields, body: body)
    }
  }

  private static func selection(_ input: Span<UInt8>) {
    for name: HeaderName in ["Accept", "Accept-Encoding", "Accept-Language", "Accept-Charset", "Cookie", "Foo"] {
      let fields = fields(input, name: name)
      let once = SelectingFieldNormalizer.normalized(name, in: fields).octets
      _ = RFC9111.selection(VarySelection([name]), in: fields)
      // Normal form is normal. (Not for preferences, whose qualities are written shorter than the grammar has them, nor
      // for Cookie, which keeps its white space.)
      if name == "Foo" {
        let again = once.withSpan { SelectingFieldNormalizer.normalized(name, in: Self.fields($0, name: name)).octets }
        precondition(again == once)
      }
    }
    if case .success(let vary) = RFC9111.varySelection(of: fields(input, name: "Vary"), limit: 16) {
      precondition(vary.names.count <= 16 && VarySelection(serialized: vary.serialized) == vary)
    }
    _ = VarySelection(serialized: FieldSyntax.text(input, 0..<input.count))
  }

  private static func noVarySearch(_ input: Span<UInt8>) {
    let parts = split(input)
    let (field, target) = (parts.first ?? [], "/a?" + String(decoding: parts.dropFirst().first ?? [], as: UTF8.self))
    let variances = [
      field.withSpan { NoVarySearch(fields($0, name: "No-Vary-Search")) },
      NoVarySearch(parameters: .allExcept(["a"]), variesOnOrder: false),
      NoVarySearch(parameters: .only(["a", "b"]), variesOnOrder: true),
    ]
    for variance in variances {
      let once = variance.normalized(target: target)
      precondition(variance.normalized(target: once) == once, "the normal form is normal")
    }
  }

  private static func references(_ input: Span<UInt8>) {
    let base = TargetURI(scheme: "http", authority: "example.com", target: "/a/b?q")
    if let resolved = base.resolving(FieldSyntax.text(input, 0..<input.count)) {
      precondition(resolved.target.utf8.first == UInt8(ascii: "/"))
      precondition(!resolved.target.utf8.contains { $0 <= 0x20 || $0 == UInt8(ascii: "#") })
      precondition(resolved.resolving(resolved.target) == resolved || resolved.target.hasPrefix("//"))
    }
    let request = CacheRequest(method: .post, authority: "example.com", target: "/a/b?q")
    let response = CacheResponse(fields: fields(input, name: "Location"))
    let targets = RFC9111.invalidatedTargets(of: request, response: response)
    precondition(targets.count <= 2 && targets.allSatisfy { $0.authority == "example.com" && $0.scheme == "http" })
  }

  private static func conditions(_ input: Span<UInt8>) {
    let parts = split(input)
    let stored = (parts.first ?? []).withSpan { fields($0, name: "ETag") }
    let list = parts.dropFirst().first ?? []
    for name: HeaderName in ["If-None-Match", "If-Match", "If-Range", "If-Modified-Since"] {
      let request = list.withSpan { fields($0, name: name) }
      _ = RFC9110.evaluatePreconditions(method: .get, request: request, status: 200, stored: stored)
      _ = RFC9110.rangeApplies(request: request, stored: stored)
    }
    // A tag is in the list of itself, unless it has a comma where no tag may have one.
    let tag = stored.withValue(at: 0) { EntityTag.opaque($0, 0..<$0.count) }
    if tag != nil {
      let request = RFC9111.conditionalFields(for: HeaderFields(), validating: [stored])
      let result = RFC9110.evaluatePreconditions(method: .get, request: request, status: 200, stored: stored)
      precondition(result == .notModified, "what was sent for validation matches")
    }
  }

  /// A whole head, line by line.
  private static func storing(_ input: Span<UInt8>) {
    var fields = HeaderFields()
    for line in split(input).prefix(64) {
      guard let colon = line.firstIndex(of: ASCII.colon) else { continue }
      line.withUnsafeBytes { bytes in
        _ = fields.append(
          name: UnsafeRawBufferPointer(rebasing: bytes[..<colon]),
          value: UnsafeRawBufferPointer(rebasing: bytes[(colon + 1)...]))
      }
    }
    let now = CacheInstant(nanoseconds: 1_000_000_000_000)
    let exchange = ExchangeTimes(requestedAt: now, receivedAt: now, receivedUnix: UnixTime(seconds: 1_800_000_000))
    for status in [200, 206, 302] {
      let result = RFC9111.storability(
        of: CacheResponse(status: status, fields: fields), to: CacheRequest(fields: fields), exchange: exchange,
        rules: CachingRules())
      guard let plan = result.plan else { continue }
      precondition(plan.times.birth <= now && plan.times.freshUntil <= plan.times.reclaimAt)
      precondition(plan.times.reclaimAt > now, "what is stored is of use")
      precondition(plan.fields.contains(KnownHeader.date) && !plan.fields.contains(KnownHeader.connection))
      precondition(!plan.fields.contains(KnownHeader.age))
      // What was stored confirms itself.
      let freshened = RFC9111.freshened(plan.fields, with: plan.fields)
      precondition(freshened.contains(KnownHeader.date))
      precondition(RFC9111.selectsForUpdate(stored: plan.fields, response304: plan.fields))
      _ = RFC9110.notModifiedFields(of: plan.fields)
    }
  }

  /// `Cookie` and `Connection`, a line each.
  private static func cookies(_ input: Span<UInt8>) {
    let lines = split(input)
    let cookies = (lines.first ?? []).withSpan { Self.fields($0, name: "Cookie") }
    let finds = { (rule: CookieRule) in rule.findsPersonalCookie(in: cookies) }
    precondition(!finds(.personal([])), "without a name that counts none does")
    // The rules that name the same cookies are each other's opposite, if there is one cookie.
    if finds(.personal(["a*"])) || finds(.personal(except: ["a*"])) {
      precondition(finds(.personal(["*"])) && finds(.personal(except: [])))
    }
    var request = cookies
    let connection = (lines.dropFirst().first ?? []).withSpan { Self.fields($0, name: "Connection") }
    request.append(contentsOf: connection)
    request.append("Cache-Control", "no-cache")
    let removed = ConnectionFields.removed(from: request)
    precondition(!removed.contains(KnownHeader.connection) && removed.count < max(1, request.count))
    precondition(ConnectionFields.removed(from: removed).count == removed.count, "nothing is left to be removed")
  }

  /// An entry as a store gives it back. No fuzzer guesses a checksum, so the input is read once as it is and once with the
  /// magic number, the version, the length of the body and the checksum that it should have.
  private static func wire(_ input: Span<UInt8>) {
    var bytes = input.withUnsafeBufferPointer(Array.init)
    readWire(bytes)
    guard bytes.count >= WireFormat.headerSize else { return }
    func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
      withUnsafeBytes(of: number.littleEndian) {
        bytes.replaceSubrange(offset..<offset + $0.count, with: $0)
      }
    }
    put(WireHeader.magic, at: WireHeader.Offset.magic)
    put(WireFormat.version, at: WireHeader.Offset.version)
    let sections = stride(from: WireHeader.Offset.keyLength, to: WireHeader.Offset.bodyLength, by: 4).reduce(0) {
      sum, offset in
      sum
        + Int(bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) })
    }
    put(UInt64(max(0, bytes.count - WireFormat.headerSize - sections)), at: WireHeader.Offset.bodyLength)
    put(bytes.withUnsafeBytes { WireHeader.checksum($0) }, at: WireHeader.Offset.checksum)
    readWire(bytes)
  }

  private static let wireKeys = [
    CacheKey(scheme: "https", authority: "example.com", target: "/catalog/items/42?locale=en"),
    CacheKey(scheme: "http", authority: "example.com", target: "/"),
  ]

  private static func readWire(_ octets: [UInt8]) {
    let bytes = Bytes(octets)
    let now = CacheInstant(nanoseconds: 1_000_000_000_000)
    let unixNow = UnixTime(seconds: 1_800_000_000)
    for key in wireKeys {
      guard let decoded = try? WireFormat.decode(bytes, for: key, now: now, unixNow: unixNow) else { continue }
      let entry = decoded.entry
      precondition(entry.times.receivedAt <= now, "nothing comes from the future")
      for field in entry.fields { precondition(HeaderName(field.name.spelling) != nil) }
      // Fields are what adding them one by one makes of them.
      var rebuilt = HeaderFields()
      for position in entry.fields.indices {
        entry.fields.withName(at: position) { name in
          entry.fields.withValue(at: position) { value in
            name.withUnsafeBytes { name in value.withUnsafeBytes { _ = rebuilt.append(name: name, value: $0) } }
          }
        }
      }
      let isSame = rebuilt.withSerializedBytes { left in
        entry.fields.withSerializedBytes { right in Bytes(copying: left) == Bytes(copying: right) }
      }
      precondition(isSame && rebuilt.presence == entry.fields.presence)
      // There is one way to write an entry; but moments too far away for our clock become the last that it has.
      let again = WireFormat.encode(entry, stamp: decoded.stamp, now: now, unixNow: unixNow)
      precondition(again.count == bytes.count)
      let (times, checksum) = (WireHeader.Offset.times..<WireHeader.Offset.stamp, WireHeader.Offset.checksum)
      for position in bytes.indices where !times.contains(position) && !(checksum..<checksum + 4).contains(position) {
        precondition(again[position] == bytes[position], "what is read is written as it was")
      }
    }
  }

  private static func fields(_ input: Span<UInt8>, name: HeaderName) -> HeaderFields {
    var fields = HeaderFields()
    var spelling = name.spelling
    spelling.withUTF8 { name in
      input.withUnsafeBytes { value in _ = fields.append(name: UnsafeRawBufferPointer(name), value: value) }
    }
    return fields
  }

  private static func split(_ input: Span<UInt8>) -> [[UInt8]] {
    input.withUnsafeBufferPointer { buffer in
      buffer.split(separator: ASCII.lineFeed, omittingEmptySubsequences: false).map(Array.init)
    }
  }
}

extension Array where Element == UInt8 {
  fileprivate func withSpan<Result>(_ body: (Span<UInt8>) -> Result) -> Result { body(span) }
}
