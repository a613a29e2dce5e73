//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The content of a request or response: all of it in memory, or a stream that is read once.
public struct Body: Sendable {
  enum Storage {
    case bytes(Bytes)
    case stream(any BodySource, length: Int?)
  }

  var storage: Storage

  /// No content.
  public static var empty: Body { Body(Bytes()) }

  /// Content that is all there.
  public init(_ bytes: Bytes) { storage = .bytes(bytes) }

  /// The UTF-8 code units of `text`.
  public init(_ text: String) { storage = .bytes(Bytes(text)) }

  /// Content that arrives in pieces.
  ///
  /// - Parameters:
  ///   - source: Where it comes from. It is asked for one piece at a time.
  ///   - length: How many bytes there will be, when that is known. A source that ends early, or goes on, counts as
  ///     truncated or broken: nothing of it is stored.
  public init(_ source: some BodySource, length: Int? = nil) { storage = .stream(source, length: length) }

  /// Content from any asynchronous sequence.
  public init<Chunks: AsyncSequence & Sendable>(_ chunks: Chunks, length: Int? = nil)
  where Chunks.Element == Bytes {
    storage = .stream(SequenceBodySource(chunks), length: length)
  }

  /// The content, when all of it is in memory.
  public var bytes: Bytes? {
    guard case .bytes(let bytes) = storage else { return nil }
    return bytes
  }

  /// The length in bytes; nil for a stream that did not say.
  public var length: Int? {
    switch storage {
    case .bytes(let bytes): bytes.count
    case .stream(_, let length): length
    }
  }

  /// Whether there is certainly no content.
  public var isEmpty: Bool { length == 0 }

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
    if case .stream(let source, _) = storage { source.cancel() }
  }
}

extension Body: ExpressibleByStringLiteral {
  /// The UTF-8 code units of a literal.
  public init(stringLiteral value: StaticString) { self.init(Bytes(stringLiteral: value)) }
}
