"""The one-turn calls through LiteLLM's `acompletion`, in an asyncio loop: `litellm_loop.py CALLS CONCURRENCY MODEL`.

Run in LiteLLM's environment. Nothing is kept of the answers, so this is a floor for what is built on LiteLLM.
"""

import asyncio
import sys

from litellm import acompletion


async def main(calls: int, concurrency: int, model: str) -> None:
    left = iter(range(calls))

    async def work() -> None:
        for _ in left:
            answer = await acompletion(
                model=model,
                messages=[
                    {"role": "system", "content": "Answer with a number."},
                    {"role": "user", "content": "What is 17 + 25?"},
                ],
                max_tokens=500,
                temperature=0.7,
                top_p=0.95,
            )
            assert "42" in answer.choices[0].message.content

    await asyncio.gather(*(work() for _ in range(concurrency)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
