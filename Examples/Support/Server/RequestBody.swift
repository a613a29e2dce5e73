//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  /// The content of a request, read from its connection as the handler asks for it, on whatever thread it does.
  final class RequestBody: BodySource {
    private let connection: ServerConnection
    private let number: Int
    /// The trailer section, or its absence, once the end has been read.
    private let ending = Guarded<HeaderFields??>(nil)

    init(connection: ServerConnection, number: Int) {
      self.connection = connection
      self.number = number
    }

    func next() async throws -> Bytes? {
      if ending.withLock({ $0 != nil }) { return nil }
      try Task.checkCancellation()
      let connection = connection
      let step = try await withTaskCancellationHandler {
        try await connection.nextContent(number)
      } onCancel: {
        connection.perform { $0.wakeContentReader() }
      }
      switch step {
      case .bytes(let bytes):
        return bytes
      case .end(let trailers):
        ending.withLock { $0 = .some(trailers) }
        return nil
      }
    }

    var trailers: HeaderFields? { ending.withLock { $0 ?? nil } }

    func cancel() {
      let number = number
      connection.perform { $0.contentIsUnwanted(number) }
    }
  }
#endif
