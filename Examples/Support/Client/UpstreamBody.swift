//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  /// The content of a response, read from its connection as somebody asks for it. When nobody does, the server has to wait.
  final class UpstreamBody: BodySource {
    private let connection: UpstreamConnection
    private let number: Int
    /// The trailer section, or its absence, once the end has been read.
    private let ending = Guarded<HeaderFields??>(nil)

    init(connection: UpstreamConnection, number: Int) {
      self.connection = connection
      self.number = number
    }

    deinit { connection.perform { [number] in $0.abandon(number) } }

    func next() async throws -> Bytes? {
      if ending.withLock({ $0 != nil }) { return nil }
      try Task.checkCancellation()
      let connection = connection
      let number = number
      let step = try await withTaskCancellationHandler {
        try await connection.nextContent(number)
      } onCancel: {
        connection.perform { $0.cancelExchange(number) }
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

    func cancel() { connection.perform { [number] in $0.abandon(number) } }
  }
#endif
