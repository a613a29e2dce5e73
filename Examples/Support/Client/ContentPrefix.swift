//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  /// The content of a request whose beginning has been read, before a connection to the origin was asked for.
  final class ContentPrefix: BodySource {
    private let reader: BodyReader
    /// What has been read and not yet been handed on.
    private let pieces: Guarded<ArraySlice<Bytes>>
    private let isComplete: Bool

    /// Reads all of `body` or the first `count` octets, whichever is less.
    ///
    /// - Returns: Content for the request on the wire. Its length is known if all of it was read and no trailers follow.
    static func read(_ count: Int, of body: Body) async throws -> Body {
      let reader = body.makeReader()
      var pieces: [Bytes] = []
      var received = 0
      var isComplete = false
      do {
        while received < count {
          guard let piece = try await reader.next() else {
            isComplete = true
            break
          }
          pieces.append(piece)
          received += piece.count
        }
        if let length = body.length, isComplete && received < length || received > length {
          throw BodyError.truncated(expected: length, received: received)
        }
      } catch {
        reader.cancel()
        throw error
      }
      if isComplete, reader.trailers == nil { return Body(Bytes(joining: pieces)) }
      return Body(ContentPrefix(reader, pieces, isComplete: isComplete), length: body.length)
    }

    private init(_ reader: BodyReader, _ pieces: [Bytes], isComplete: Bool) {
      self.reader = reader
      self.pieces = Guarded(pieces[...])
      self.isComplete = isComplete
    }

    func next() async throws -> Bytes? {
      if let piece = pieces.withLock({ $0.popFirst() }) { return piece }
      return isComplete ? nil : try await reader.next()
    }

    var trailers: HeaderFields? { reader.trailers }

    func cancel() { reader.cancel() }
  }
#endif
