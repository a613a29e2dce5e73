//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One request in a trace for cache simulators: 64 octets, little-endian.
///
/// | octets | what |
/// |---|---|
/// | 0–7 | time of day in nanoseconds since 1970 |
/// | 8–15 | the cache's clock in nanoseconds |
/// | 16–23 | a keyed hash of the key |
/// | 24–31 | size of the content in octets |
/// | 32–35 | size of the stored head in octets |
/// | 36–39 | remaining lifetime in seconds (signed) |
/// | 40–43 | age in seconds (signed) |
/// | 44–47 | what the origin took, in microseconds |
/// | 48–51 | what the answer took, in microseconds |
/// | 52–53 | status |
/// | 54 | outcome: 0 hit, 1 stale, 2 revalidated, 3 miss, 4 collapsed, 5 bypass, 6 failed |
/// | 55 | the position of the reason among those of the outcome, from 1; 0 for none |
/// | 56 | operation: 1 get, 3 store, 9 invalidate (as libCacheSim counts them) |
/// | 57 | method: 1 GET, 2 HEAD, 0 another |
/// | 58 | 1 if it came from the memory of this process, 2 from a store beyond it, 0 from neither |
/// | 59 | 0 |
/// | 60–61 | number of the policy |
/// | 62–63 | type of the content (``ContentType``) |
public struct TraceRecord: Hashable, Sendable {
  /// How many octets a record takes.
  public static let byteCount = 64

  /// The time of day in nanoseconds since 1970.
  public var unixNanoseconds: UInt64 = 0
  /// The cache's clock in nanoseconds, which only goes forward.
  public var monotonicNanoseconds: UInt64 = 0
  /// A keyed hash of the key.
  public var id: UInt64 = 0
  /// The size of the content in octets.
  public var size: UInt64 = 0
  /// The size of the stored head in octets.
  public var headSize: UInt32 = 0
  /// The remaining freshness lifetime in seconds.
  public var timeToLive: Int32 = 0
  /// The age in seconds.
  public var age: Int32 = 0
  /// The time that the origin took to begin its response, in microseconds.
  public var originMicroseconds: UInt32 = 0
  /// The time that the answer took, in microseconds.
  public var microseconds: UInt32 = 0
  /// The status of the response.
  public var status: UInt16 = 0
  /// The outcome, see above.
  public var outcome: UInt8 = 0
  /// The reason, see above.
  public var reason: UInt8 = 0
  /// The operation.
  public var operation = Operation.get
  /// The method, see above.
  public var method: UInt8 = 0
  /// Where the response came from, see above.
  public var tier: UInt8 = 0
  /// The number of the policy.
  public var policy: UInt16 = 0
  /// The type of the content.
  public var contentType = ContentType.unknown

  /// An operation of a cache, with the number that libCacheSim has for it.
  public struct Operation: RawRepresentable, Hashable, Sendable {
    /// The number.
    public let rawValue: UInt8
    /// - Parameter rawValue: The number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// A request.
    public static let get = Operation(rawValue: 1)
    /// A response was stored.
    public static let store = Operation(rawValue: 3)
    /// A key was invalidated.
    public static let invalidate = Operation(rawValue: 9)
  }

  /// A kind of content, by its `Content-Type`.
  public struct ContentType: RawRepresentable, Hashable, Sendable {
    /// The number.
    public let rawValue: UInt16
    /// - Parameter rawValue: The number.
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// No content type, or one that has no number.
    public static let unknown = ContentType(rawValue: 0)
    private static let prefixes = [
      "text/html", "text/css", "text/javascript", "application/javascript", "application/json", "image/", "video/",
      "audio/", "font/", "text/", "application/octet-stream", "application/pdf", "application/xml",
    ]

    /// The kind of a `Content-Type`: the position of the first prefix it has, from 1, in the order html, css, javascript (2), json,
    /// image, video, audio, font, other text, octets, pdf, xml.
    public init(_ value: String) {
      let value = value.lowercased()
      rawValue = UInt16((Self.prefixes.firstIndex { value.hasPrefix($0) } ?? -1) + 1)
    }
  }

  /// A request of which nothing is known.
  public init() {}

  /// Reads a record.
  ///
  /// - Returns: Nil where there are fewer than ``byteCount`` octets.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.byteCount else { return nil }
    func word<Word: FixedWidthInteger>(_ offset: Int, _ type: Word.Type) -> Word {
      Word(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Word.self))
    }
    unixNanoseconds = word(0, UInt64.self)
    monotonicNanoseconds = word(8, UInt64.self)
    id = word(16, UInt64.self)
    size = word(24, UInt64.self)
    headSize = word(32, UInt32.self)
    timeToLive = word(36, Int32.self)
    age = word(40, Int32.self)
    originMicroseconds = word(44, UInt32.self)
    microseconds = word(48, UInt32.self)
    status = word(52, UInt16.self)
    outcome = bytes[54]
    reason = bytes[55]
    operation = Operation(rawValue: bytes[56])
    method = bytes[57]
    tier = bytes[58]
    policy = word(60, UInt16.self)
    contentType = ContentType(rawValue: word(62, UInt16.self))
  }

  /// Appends the record.
  public func write(to bytes: inout [UInt8]) {
    func append(_ word: some FixedWidthInteger) {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    append(unixNanoseconds)
    append(monotonicNanoseconds)
    append(id)
    append(size)
    append(headSize)
    append(timeToLive)
    append(age)
    append(originMicroseconds)
    append(microseconds)
    append(status)
    bytes += [outcome, reason, operation.rawValue, method, tier, 0]
    append(policy)
    append(contentType.rawValue)
  }
}
