//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The content of a request or response: all of it in memory, or a stream that is read once.
public struct Body: @unchecked Sendable {
  // @unchecked: `owner` is what a `Bytes` holds, or a `Stream`; both are Sendable, and nothing here changes.
  enum Storage {
    case bytes(Bytes)
    case stream(any BodySource, length: Int?)
  }

  /// A source and what it has announced.
  private final class Stream: Sendable {
    let source: any BodySource
    let length: Int?

    init(_ source: any BodySource, length: Int?) {
      self.source = source
      self.length = length
    }
  }

  // Three words, as in `Bytes`, and one reference: a body is copied several times on its way, and most are all there.
  private let owner: AnyObject?
  /// Nil for a stream, whose `owner` is a `Stream`.
  private let base: UnsafeRawPointer?
  private let count: Int

  var storage: Storage {
    if let bytes { return .bytes(bytes) }
    let stream = stream
    return .stream(stream.source, length: stream.length)
  }

  private var stream: Stream {
    // Only the initialiser of streams leaves `base` nil.
    unsafeDowncast(owner.unsafelyUnwrapped, to: Stream.self)
  }

  /// No content.
  public static var empty: Body { Body(Bytes()) }

  /// Content that is all there.
  @inline(__always)
  public init(_ bytes: Bytes) {
    owner = bytes.owner
    base = bytes.base
    count = bytes.count
  }

  /// The UTF-8 code units of `text`.
  public init(_ text: String) { self.init(Bytes(text)) }

  private init(_ stream: Stream) {
    owner = stream
    base = nil
    count = 0
  }

  /// Content that arrives in pieces.
  ///
  /// - Parameters:
  ///   - source: Where it comes from. It is asked for one piece at a time.
  ///   - length: How many bytes there will be, when that is known. A source that ends early, or goes on, counts as
  ///     truncated or broken: nothing of it is stored.
  public init(_ source: some BodySource, length: Int? = nil) { self.init(Stream(source, length: length)) }

  /// Content from any asynchronous sequence.
  public init<Chunks: AsyncSequence & Sendable>(_ chunks: Chunks, length: Int? = nil)
  where Chunks.Element == Bytes {
    self.init(Stream(SequenceBodySource(chunks), length: length))
  }

  /// The content, when all of it is in memory.
  public var bytes: Bytes? {
    guard let base else { return nil }
    return Bytes(sharing: owner, base: base, count: count)
  }

  /// The length in bytes; nil for a stream that did not say.
  public var length: Int? { base == nil ? stream.length : count }

  /// Whether there is certainly no content.
  public var isEmpty: Bool { base == nil ? stream.length == 0 : count == 0 }

  /// A reader over the content. A stream can be read once only, by one reader.
  public func makeReader() -> BodyReader { BodyReader(self) }

  /// All of the content.
  ///
  /// - Parameter limit: The most bytes to hold in memory.
  /// - Throws: ``BodyError/exceedsLimit(_:)`` when there is more, ``BodyError/truncated(expected:received:)`` when a
  ///   stream ends before its length, and whatever the stream throws.
  public func collect(upTo limit: Int = .max) async throws -> Bytes {
    switch storage {
    case .bytes(let bytes):
      guard bytes.count <= limit else { throw BodyError.exceedsLimit(limit) }
      return bytes
    case .stream(_, let length):
      let reader = makeReader()
      var chunks: [Bytes] = []
      var count = 0
      while let chunk = try await reader.next() {
        count += chunk.count
        guard count <= limit else {
          reader.cancel()
          throw BodyError.exceedsLimit(limit)
        }
        chunks.append(chunk)
      }
      if let length, count != length { throw BodyError.truncated(expected: length, received: count) }
      return Bytes(joining: chunks)
    }
  }

  /// Says that nobody will read the content (any further). A source may stop its work.
  public func cancel() {
    if base == nil { stream.source.cancel() }
  }

  /// Says that nobody will read the content here, but that it is still to be stored if the cache can store it.
  func leaveToStore() {
    if base == nil { (stream.source as? BodyLogReader)?.leaveToStore() ?? stream.source.cancel() }
  }
}

extension Body: ExpressibleByStringLiteral {
  /// The UTF-8 code units of a literal.
  public init(stringLiteral value: StaticString) { self.init(Bytes(stringLiteral: value)) }
}
