config => {
	const root = document.getElementById(config.id);
	if (!root) return;
	const inputs = [...root.querySelectorAll("[name]")].filter(e => e.name != "preset");
	const preset = root.querySelector("[name=preset]");
	let last = 0;
	const say = (act) => {
		last = Math.max(last + 1, Date.now()); // also after the page was opened anew
		const at = Object.fromEntries(inputs.map(e => [e.name, +e.value]));
		const text = JSON.stringify({n: last, do: act, at});
		const send = () => {
			if (globalThis.gonb_comm) globalThis.gonb_comm.send(config.id, text);
			else if (act != "hello" && root.isConnected) setTimeout(send, 200); // a page that was opened anew is connected soon
		};
		send();
	};
	const label = (e) => {
		const texts = config.texts[e.name];
		if (texts) e.parentElement.querySelector("output").textContent = texts[+e.value];
	};
	for (const e of inputs) {
		const rate = e.name == "rate";
		e.addEventListener("input", () => {
			label(e);
			preset.selectedIndex = -1; // so that it can be chosen again
			if (rate) say("rate");
		});
		e.addEventListener("change", () => say(rate ? "rate" : "set"));
	}
	preset.addEventListener("change", () => {
		for (const e of inputs) {
			e.value = config.presets[+preset.value][e.name];
			label(e);
		}
		say("set");
	});
	for (const e of root.querySelectorAll("[data-do]")) e.addEventListener("click", () => say(e.dataset.do));
	const clock = setInterval(() => {
		if (!root.isConnected) return clearInterval(clock);
		if (!document.querySelector(`[data-heard="${config.id}"]`)) return say("hello");
		root.disabled = false;
		clearInterval(clock);
	}, 300);
}
