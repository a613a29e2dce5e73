//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import Testing

/// The origin of the other tests.
@Suite(.timeLimit(.minutes(5))) struct ScriptedServiceTests {
  @Test(arguments: [false, true])
  func `who waits for a request that never comes is released by being cancelled`(beforehand: Bool) async throws {
    let origin = ScriptedService()
    let gate = TestGate()
    if beforehand { gate.close() }
    let waiting = Task {
      await gate.pass()
      return await origin.nextCall()
    }
    if !beforehand { for _ in 0..<100 { await Task.yield() } }
    waiting.cancel()
    gate.open()
    #expect(await waiting.value.request.target == "/nobody-has-asked-for-this")
    // Nobody is in the way of the next request, or takes it away.
    async let response = origin.call(CacheRequest(target: "/real"))
    let call = await origin.nextCall()
    #expect(call.request.target == "/real")
    call.respond(CacheResponse(body: "real"))
    #expect(try await response.text() == "real")
  }
}
